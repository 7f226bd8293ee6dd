import type { Logger } from 'pino';

/** One part of stopping: stop accepting, finish what runs, hand back. */
export interface DrainStep {
  readonly name: string;
  /** @param deadlineMs milliseconds since the epoch by which it has to be done */
  readonly run: (deadlineMs: number) => Promise<void> | void;
  /** Milliseconds at the most, within what is left of the whole. */
  readonly timeoutMs?: number;
}

/** How a drain went: the steps that failed or ran out of time, in order. */
export interface DrainResult {
  readonly unfinished: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Stops in order. A step that fails or runs out of time is noted and left behind: the next ones still run, so that a hanging queue does not
 * keep a database from being closed.
 *
 * @param deadlineMs milliseconds since the epoch by which all has to be done
 */
export async function drainInOrder(
  steps: readonly DrainStep[],
  deadlineMs: number,
  log?: Logger,
): Promise<DrainResult> {
  const unfinished: { name: string; reason: string }[] = [];
  for (const step of steps) {
    const ownDeadlineMs = Math.min(deadlineMs, Date.now() + (step.timeoutMs ?? Number.POSITIVE_INFINITY));
    try {
      await withTimeout(step, ownDeadlineMs);
    } catch (error) {
      unfinished.push({ name: step.name, reason: error instanceof Error ? error.message : String(error) });
      log?.warn({ err: error, step: step.name }, 'a part could not be stopped properly');
    }
  }
  return { unfinished };
}

async function withTimeout(step: DrainStep, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    // At least one turn of the loop, so that a step that only lets go of things still does after the time is up.
    const leftMs = Math.max(deadlineMs - Date.now(), 50);
    timer = setTimeout(() => reject(new Error('ran out of time')), leftMs);
  });
  try {
    await Promise.race([step.run(deadlineMs), late]);
  } finally {
    clearTimeout(timer);
  }
}
