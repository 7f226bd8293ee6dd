import { type CircuitBreakerPolicy, CircuitState, circuitBreaker, handleWhen, type IBackoff } from 'cockatiel';
import { findAppError } from '../errors/index.ts';
import { FailureCount } from './failure-count.ts';

const pauseMsFirst = 500;
const pauseMsMax = 5_000;

export type BreakerState = 'closed' | 'half-open' | 'open';

/** Thrown in place of a call while there are none. */
export class Broken extends Error {}

/**
 * Stops calls that keep failing. Open, it refuses them at once; after half a second, then one, two, four and at most five, it lets one through, and what
 * comes of that decides. Refusals are answers: they show that the callee works.
 */
export class Breaker {
  readonly #circuit: CircuitBreakerPolicy;
  readonly #failures = new FailureCount(() => this.#circuit.state === CircuitState.Closed);
  /** Calls that had too little time to say anything about whom they called. */
  readonly #hurried = new WeakSet<Error>();
  #probeAtMs = 0;

  constructor(onChange: (state: BreakerState) => void) {
    const pause = (durationMs: number): IBackoff<unknown> => {
      this.#probeAtMs = Date.now() + durationMs;
      // `waitMs` alone decides when it is over: cockatiel would wait for as long as a clock was set back.
      return { duration: -Infinity, next: () => pause(Math.min(durationMs * 2, pauseMsMax)) };
    };
    this.#circuit = circuitBreaker(
      handleWhen((error) => isFailure(error) && !(this.state === 'closed' && this.#hurried.has(error as Error))),
      {
        breaker: this.#failures,
        halfOpenAfter: { next: () => pause(pauseMsFirst) },
      },
    );
    this.#circuit.onStateChange((state) => onChange(nameOf(state)));
  }

  get state(): BreakerState {
    return nameOf(this.#circuit.state);
  }

  /** Milliseconds until a call is let through; 0 when that may be the next. */
  get waitMs(): number {
    const leftMs = this.#probeAtMs - Date.now();
    // No pause is that long: the clock was set back.
    return leftMs > pauseMsMax ? 0 : Math.max(0, leftMs);
  }

  /**
   * @param isHurried the call has hardly any time left: that it is not answered in it stops no others
   * @throws Broken when calls are stopped
   */
  run<T>(work: () => Promise<T>, isHurried = false): Promise<T> {
    const { state } = this.#circuit;
    if (state === CircuitState.Closed) return this.#circuit.execute(() => this.#judged(work, isHurried));
    // While half open one call is on its way; cockatiel would let the others wait for it.
    if (state !== CircuitState.Open || this.waitMs > 0) return Promise.reject(new Broken());
    return this.#circuit.execute(work);
  }

  async #judged<T>(work: () => Promise<T>, isHurried: boolean): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isFailure(error)) this.#failures.refusal();
      else if (isHurried && error instanceof Error && findAppError(error)?.code === 'service.deadline-exceeded')
        this.#hurried.add(error);
      throw error;
    }
  }
}

/** Whether something went wrong, as against a no. */
export function isFailure(error: unknown): boolean {
  return findAppError(error)?.kind !== 'refusal';
}

function nameOf(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}
