import type { BreakerState } from '@stoa/platform/resilience';

/** As many may wait in vain, one after the other or together, before the next are told at once. */
const silencesMax = 3;
const pauseMsFirst = 500;
const pauseMsMax = 5_000;

/**
 * Stops requests for an operation that nobody answers in time, be it that it hangs or that no connection can be made: each would hold a place for as long
 * as its client waits, and the places are shared with all other operations. After a pause one request finds out whether it is answered again.
 *
 * Only silence counts, while no other request for the operation was answered. Failures that are told at once, a refused connection above all, cost
 * nobody anything, and their end is seen by the next request. There is no promise and no object for a request in this. All
 * times are of `performance.now`, which nobody sets.
 */
export class SilenceBreaker {
  #silences = 0;
  #heardAtMs = 0;
  #pauseMs = 0;
  #nextAtMs = 0;

  get state(): BreakerState {
    if (this.#silences < silencesMax) return 'closed';
    return performance.now() < this.#nextAtMs ? 'open' : 'half-open';
  }

  /** Whether a request may be made now. One on trial keeps the others waiting, for five seconds at the most. */
  admits(nowMs: number): boolean {
    if (this.#silences < silencesMax) return true;
    if (nowMs < this.#nextAtMs) return false;
    this.#nextAtMs = nowMs + pauseMsMax;
    return true;
  }

  /** Somebody answered, or said at once why not. */
  heard(nowMs: number): void {
    this.#silences = 0;
    this.#pauseMs = 0;
    this.#heardAtMs = nowMs;
  }

  /** A request that was sent at `sentAtMs` got no answer in its time. */
  silent(sentAtMs: number, nowMs: number): void {
    if (this.#heardAtMs >= sentAtMs) return;
    this.#silences += 1;
    if (this.#silences < silencesMax) return;
    this.#pauseMs = Math.min(pauseMsMax, Math.max(pauseMsFirst, this.#pauseMs * 2));
    this.#nextAtMs = nowMs + this.#pauseMs;
  }

  /** A request ended by its client, who says nothing about the service: another may be the trial. */
  undecided(nowMs: number): void {
    if (this.#silences >= silencesMax) this.#nextAtMs = Math.min(this.#nextAtMs, nowMs + pauseMsFirst);
  }
}
