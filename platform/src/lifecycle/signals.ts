/** Milliseconds from the first signal to the end of the process, beside the time in which it goes on as before. */
export const drainMsMax = 10_000;
/** Sooner than this nobody presses Ctrl-C again. */
const againMsMin = 1_000;

/**
 * Drains on the first SIGTERM or SIGINT, then exits: 0 when `drain` was done, 1 when it failed or took longer than 10 s and the grace. A second
 * SIGINT exits at once when it comes a second after the first or later: one Ctrl-C arrives twice where npm hands it on too, and one SIGTERM where a
 * supervisor and whoever stops it both send it.
 *
 * @param drain gets the deadline in milliseconds since the epoch
 * @param graceMs for how long it goes on answering before it drains
 * @returns takes the listeners away again
 */
export function onSignals(drain: (deadlineMs: number) => Promise<void>, graceMs = 0): () => void {
  let drainingFromMs: number | undefined;
  const stop = (signal: NodeJS.Signals) => {
    if (drainingFromMs !== undefined) {
      if (signal === 'SIGINT' && performance.now() - drainingFromMs >= againMsMin) process.exit(1);
      return;
    }
    drainingFromMs = performance.now();
    const deadlineMs = Date.now() + graceMs + drainMsMax;
    setTimeout(() => process.exit(1), graceMs + drainMsMax).unref();
    // The last 500 ms are for what has to be let go whatever happened before.
    drain(deadlineMs - 500).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return () => {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  };
}
