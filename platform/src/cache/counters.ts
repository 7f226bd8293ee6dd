/** A counter as it stands after it was asked. */
export interface Count {
  readonly used: number;
  /** Milliseconds until its window ends and it begins anew. */
  readonly resetInMs: number;
}

/** A counter as this process knows it: what one that was lost is restored to. */
export interface Known {
  readonly key: string;
  /** All that this process knows to have been counted in the window. */
  readonly known: number;
  /** How long the window still lasts; a whole window when nothing has been counted. */
  readonly resetInMs: number;
}

/** What was counted here since the last time, and is in `known` already. */
export interface Addition extends Known {
  readonly added: number;
}

/**
 * Counters that all processes share, each with its window, which begins with the first count. Answers are undefined while the counters cannot be
 * reached, at once or within a few dozen milliseconds: count in memory meanwhile. Keys are hashed before they leave the process.
 */
export interface SharedCounters {
  /** Counts one unless `quota` is used up, in one round trip. */
  take(counter: Known, quota: number): Promise<(Count & { readonly exceeded: boolean }) | undefined>;
  /** Adds many counts in one round trip; answers with where each counter stands, in order. */
  add(additions: readonly Addition[]): Promise<readonly Count[] | undefined>;
}
