import os from 'node:os';
import { performance } from 'node:perf_hooks';

const sampleMs = 100;
const busyShare = 0.85;
const machineSampleMs = 500;
const idleShareMin = 0.15;
const lingerMs = 5;

let busy = false;
let machineBusy = false;
let sampling = false;

function sample(): void {
  let last = performance.eventLoopUtilization();
  let lastTimes = machineTimes();
  sampling = true;
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    busy = performance.eventLoopUtilization(now, last).utilization > busyShare;
    last = now;
  }, sampleMs).unref();
  setInterval(() => {
    const now = machineTimes();
    // Where no times are told there is nothing to go by.
    machineBusy = now.idle - lastTimes.idle < idleShareMin * (now.all - lastTimes.all);
    lastTimes = now;
  }, machineSampleMs).unref();
}

/** What the cores have spent since the machine started, in milliseconds of one core. */
function machineTimes(): { idle: number; all: number } {
  const times = os.cpus().map((core) => core.times);
  const idle = times.reduce((sum, core) => sum + core.idle, 0);
  return { idle, all: times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle) };
}

/** Whether this process has had hardly a free moment in the last tenth of a second. */
export function isBusy(): boolean {
  if (!sampling) sample();
  return busy;
}

/**
 * The pause between two batches: a turn of the event loop, so that what was read from the sockets in one turn shares a batch. While the process or the machine
 * is busy it is 5 ms, so that more share it: fewer statements and commits are then what gets everybody through sooner. Each of nine processes on two cores is
 * idle for most of its time and waits for a core.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (isBusy() || machineBusy) setTimeout(resolve, lingerMs);
    else setImmediate(resolve);
  });
}
