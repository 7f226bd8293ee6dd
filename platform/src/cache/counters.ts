/** A counter as it stands after it was asked. */
export interface Count {
  readonly used: number;
  /** Milliseconds until its window ends and it begins anew. */
  readonly resetInMs: number;
}

/** What was counted here and is to be added to a counter that others count on too. */
export interface Addition {
  readonly key: string;
  /** Requests since the last time. */
  readonly added: number;
  /** All that this process knows of in the window, `added` included; what a counter that was lost is restored to. */
  readonly known: number;
  /** How long the window lasts that this process counts in. */
  readonly resetInMs: number;
}

/**
 * Counters that all processes share, each with its window, which begins with the first count. Answers are undefined while the counters cannot be
 * reached, at once or within a few dozen milliseconds: count in memory meanwhile. Keys are hashed before they leave the process.
 */
export interface SharedCounters {
  /** Counts one unless `quota` is used up, in one round trip. */
  take(key: string, quota: number, windowMs: number): Promise<(Count & { readonly exceeded: boolean }) | undefined>;
  /** Adds many counts in one round trip; answers with where each counter stands, in order. */
  add(additions: readonly Addition[]): Promise<readonly Count[] | undefined>;
}
