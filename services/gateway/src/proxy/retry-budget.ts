/** Share of requests that may be sent a second time. More would make of a service in trouble one that is drowned. */
const share = 0.2;
/** So that a service that is seldom asked has some retries too. */
const tokensMax = 10;

/** Counts what may still be retried: every request earns a fifth of a retry, ten at the most. */
export class RetryBudget {
  #tokens = tokensMax;

  earn(): void {
    this.#tokens = Math.min(tokensMax, this.#tokens + share);
  }

  /** Whether there may be one more; it is spent then. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
