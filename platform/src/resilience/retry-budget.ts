import { RecentCounts } from './recent-counts.ts';

const windowMs = 10_000;
const share = 0.2;
/** A service that is seldom called may still be asked again: a retry a second. */
const freeRetries = 10;

/**
 * Retries of all calls to one service together: a fifth of the calls of the last ten seconds, and ten more. When a service fails, its callers add a fifth
 * to its load, not a multiple of it.
 */
export class RetryBudget {
  readonly #counts = new RecentCounts(windowMs);

  called(): void {
    this.#counts.add(1, 0);
  }

  /** Takes one retry; false when there is none left. */
  take(): boolean {
    const [calls, retries] = this.#counts.sums();
    if (retries >= freeRetries + share * calls) return false;
    this.#counts.add(0, 1);
    return true;
  }
}
