import type { Asker, Cause } from '../schema/index.ts';
import type { Service } from '../service/index.ts';
import type { Tx } from '../sql/index.ts';

/** Asks for an effect outside (a provider's charge, a mail): committed first, performed after. */
export interface EffectRequest<P = unknown> {
  /** Name of the effect's definition. */
  readonly effect: string;
  /** Names this effect for ever: given to the outside as its idempotency key. Asking twice with one id does it once. */
  readonly id: string;
  readonly payload: P;
  readonly cause: Cause;
  /** Not before this many milliseconds from now. */
  readonly delayMs?: number;
}

/** An effect that is being performed. */
export interface Effect<P = unknown> {
  readonly id: string;
  readonly payload: P;
  readonly cause: Cause;
  /** 1 at the first try. Above 1 an earlier try's answer is unknown: look before repeating. */
  readonly attempt: number;
}

/** How a kind of effect is performed and what follows from it. */
export interface EffectDefinition<P = unknown, R = unknown, D = unknown> {
  readonly name: string;
  /** How many run at once in a process. */
  readonly concurrency: number;
  /**
   * Nobody waits for it (a mail): at most `concurrency` are taken at each look, twice a second, and a tenth of them while the
   * process or the machine is busy, so that a burst of them does not slow what customers do wait for. After 15 s they wait no longer.
   */
  readonly background?: boolean;
  /**
   * Longest time one try should take: then its signal tells it to end, and the answer is unknown. A try that goes on all the same is held: another begins only
   * when its process has died, which shows after this.
   */
  readonly timeoutMs: number;
  /** Tries before `giveUp`; backoff between them starts at `retryDelayMs` and doubles, with jitter, up to a minute. */
  readonly attemptsMax: number;
  readonly retryDelayMs: number;
  /**
   * The effect itself, outside any transaction. Throwing means unknown: it is tried again with a higher `attempt`. What it asks of others is of use until this
   * try's time is over, which is its `deadlineMs`.
   */
  readonly perform: (effect: Effect<P> & Asker, deps: D, signal: AbortSignal) => Promise<R>;
  /** Commits results, several at a time; runs in the transaction that ends the effects, so it happens once for each. */
  readonly complete: (done: { effect: Effect<P>; result: R }[], tx: Tx, service: EffectService<D>) => Promise<void>;
  /** Commits the end of an effect whose tries are used up. */
  readonly giveUp: (effect: Effect<P>, reason: string, tx: Tx, service: EffectService<D>) => Promise<void>;
}

/** The service as an effect sees it; the whole `Service` in fact. */
export type EffectService<D> = Service<D>;

/** Declares an effect, so that a service can list it beside effects of other shapes. */
export function defineEffect<P, R, D>(definition: EffectDefinition<P, R, D>): EffectDefinition<never, never, D> {
  return definition as unknown as EffectDefinition<never, never, D>;
}
