import { performance } from 'node:perf_hooks';

const sampleMs = 100;
const busyShare = 0.85;
const lingerMs = 3;

let busy = false;
let sampling = false;

function sample(): void {
  let last = performance.eventLoopUtilization();
  sampling = true;
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    busy = performance.eventLoopUtilization(now, last).utilization > busyShare;
    last = now;
  }, sampleMs).unref();
}

/** Whether this process has had hardly a free moment in the last tenth of a second. */
export function isBusy(): boolean {
  if (!sampling) sample();
  return busy;
}

/**
 * The pause between two batches: a turn of the event loop, so that what was read from the sockets in one turn shares a batch. While the process is busy it
 * is 3 ms, so that more share it: fewer statements and commits are then what gets everybody through sooner.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (isBusy()) setTimeout(resolve, lingerMs);
    else setImmediate(resolve);
  });
}
