import type { Readable } from 'node:stream';
import type { Cause, Operation, Principal } from '../schema/index.ts';
import type { Call } from '../service/index.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { RequestHead } from './request-head.ts';

/** A request as it came in through one of the doors, before anything about it was checked. */
export interface Asked {
  readonly head: RequestHead;
  readonly cause: Cause;
  readonly principal: Principal;
  readonly deadlineMs: number;
  readonly headers: () => Readonly<Record<string, string>>;
  /** Calls back when the caller has gone away before the answer was complete. */
  readonly onGone: (gone: () => void) => void;
}

/** The call that a handler gets. What few handlers ask for is made when they do. */
export class IncomingCall implements Call {
  readonly operation: Operation;
  readonly params: never;
  readonly query: never;
  readonly body: undefined;
  readonly principal: Principal;
  readonly cause: Cause;
  readonly deadlineMs: number;
  readonly idempotencyKey: string | undefined;
  readonly waitS: number | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly lastEventId: string | undefined;
  readonly orderToken: string | undefined;
  readonly cartToken: string | undefined;
  readonly stream: Readable | undefined;
  readonly #asked: Asked;
  #abort: AbortController | undefined;
  #fingerprint: string | undefined;
  #over = false;

  constructor(
    operation: Operation,
    asked: Asked,
    input: { params: unknown; query: unknown; body: unknown },
    stream: Readable | undefined,
  ) {
    const { head } = asked;
    this.operation = operation;
    // Checked against the operation's schemas by the caller; the class stands for every operation at once.
    this.params = input.params as never;
    this.query = input.query as never;
    this.body = input.body as undefined;
    this.principal = asked.principal;
    this.cause = asked.cause;
    this.deadlineMs = asked.deadlineMs;
    this.idempotencyKey = operation.idempotency === undefined ? undefined : head.idempotencyKey;
    this.waitS = head.waitS;
    this.ifMatch = head.ifMatch;
    this.ifNoneMatch = head.ifNoneMatch;
    this.lastEventId = head.lastEventId;
    this.orderToken = head.orderToken;
    this.cartToken = head.cartToken;
    this.stream = stream;
    this.#asked = asked;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#asked.headers();
  }

  get fingerprint(): string | undefined {
    if (this.operation.idempotency === undefined) return undefined;
    this.#fingerprint ??= fingerprintOf(this);
    return this.#fingerprint;
  }

  // An AbortController and a listener cost more than the rest of a cached read, so they wait until somebody asks.
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.#over) abort.abort();
      else this.#asked.onGone(() => abort.abort());
    }
    return this.#abort.signal;
  }

  /** Nobody waits for the answer any more. */
  giveUp(): void {
    this.#over = true;
    this.#abort?.abort();
  }
}
