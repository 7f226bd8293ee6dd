/** How services that call an operation treat it, where the defaults of the kit do not suit it. The gateway's proxy has its own way with all. */
export interface CallPolicy {
  /** Tries in all of a call that may be repeated; 3 unless given, 1 for none but the first. */
  readonly attemptsMax?: number;
  /**
   * Milliseconds of one try. Unless given, two fifths of the whole for what may be repeated, so that a hanging replica leaves time for another; all of it
   * for everything else, and for operations whose `timeoutMs` says that they work long.
   */
  readonly attemptTimeoutMs?: number;
  /** Calls from one process at a time; 2,048 unless given. The next is refused at once. */
  readonly concurrentMax?: number;
}

/**
 * What callers who can do with less get when there is no answer: a fixed one, or the last good one to the same question, up to `lastGoodMs` milliseconds
 * old. Only given to callers that ask to be told (`onPartial`), so it is never silent.
 */
export type Fallback = { readonly value: unknown } | { readonly lastGoodMs: number };
