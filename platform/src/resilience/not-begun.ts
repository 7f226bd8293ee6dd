/*
 * Kept beside the errors, not in them: whether a callee had begun is only of interest to whoever might send the call again.
 */
const marked = new WeakSet<Error>();

/**
 * Marks an error with which the callee certainly did nothing: no connection, or an answer that says so. Such a call may be sent again whatever it asks
 * for, to another replica at once, and outside the budget: it was no work for anybody.
 */
export function notBegun<E extends Error>(error: E): E {
  marked.add(error);
  return error;
}

/** Whether an error was marked by `notBegun`. */
export function wasNotBegun(error: unknown): boolean {
  return error instanceof Error && marked.has(error);
}
