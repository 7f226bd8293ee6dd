import { CircuitState, type IBreaker } from 'cockatiel';
import { RecentCounts } from './recent-counts.ts';

const inARowMax = 5;
const inARowMs = 500;
const windowMs = 10_000;
const callsMin = 20;
const shareMax = 0.5;

/**
 * When to stop calling: five failures in a row that last half a second, or more than half of at least twenty calls in ten seconds. A row must last,
 * because one replica that is killed fails all calls it holds in the same instant, while the others answer on. (cockatiel's breakers count either a row
 * or a share, and its share over time keeps failures of long ago when calls are few.)
 */
export class FailureCount implements IBreaker {
  readonly #recent = new RecentCounts(windowMs);
  #inARow = 0;
  #rowSinceMs = 0;
  /** For breakers that are stored; ours live as long as their process. */
  state: unknown = undefined;
  readonly #isClosed: () => boolean;

  /** @param isClosed whether calls are let through now */
  constructor(isClosed: () => boolean) {
    this.#isClosed = isClosed;
  }

  success(state: CircuitState): void {
    this.#inARow = 0;
    if (state === CircuitState.HalfOpen) this.#recent.clear();
    this.#recent.add(1, 0);
  }

  /** A no is an answer: it ends a row, and counts as no call. */
  refusal(): void {
    this.#inARow = 0;
  }

  failure(state: CircuitState): boolean {
    if (state !== CircuitState.Closed) return true;
    // It began before calls were stopped: of that time enough is known, and the one that tries now is not to be forestalled.
    if (!this.#isClosed()) return false;
    if (this.#inARow++ === 0) this.#rowSinceMs = Date.now();
    this.#recent.add(1, 1);
    if (this.#inARow >= inARowMax && Date.now() - this.#rowSinceMs >= inARowMs) return true;
    const [calls, failures] = this.#recent.sums();
    return calls >= callsMin && failures > shareMax * calls;
  }
}
