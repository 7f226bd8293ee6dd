import fs from 'node:fs/promises';
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
  sampling = true;
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    busy = performance.eventLoopUtilization(now, last).utilization > busyShare;
    last = now;
  }, sampleMs).unref();
  let spent = Promise.resolve<MachineTimes | undefined>(undefined);
  setInterval(() => {
    spent = Promise.all([spent, machineTimes()]).then(([before, now]) => {
      machineBusy = !!before && !!now && now.idle - before.idle < idleShareMin * (now.all - before.all);
      return now;
    });
  }, machineSampleMs).unref();
}

interface MachineTimes {
  /** Waiting for a disk included. */
  readonly idle: number;
  readonly all: number;
}

/**
 * What all cores have spent since the machine started; undefined where the system does not tell, which is anywhere but on Linux. (`os.cpus()` would, but looks
 * at the frequency of each core too, which takes some machines 20 ms a core.)
 */
async function machineTimes(): Promise<MachineTimes | undefined> {
  const text = await fs.readFile('/proc/stat', 'utf8').catch(() => '');
  const [user, nice, system, idle, ioWait, irq, softIrq, steal] = (/^cpu +([\d ]+)/.exec(text)?.[1] ?? '')
    .split(' ')
    .map(Number);
  if (steal === undefined) return undefined;
  const left = (idle as number) + (ioWait as number);
  return {
    idle: left,
    all: [user, nice, system, irq, softIrq, steal].reduce<number>((sum, part) => sum + (part as number), left),
  };
}

/** Whether this process has had hardly a free moment in the last tenth of a second, or the machine hardly a free core in the last half. */
export function isBusy(): boolean {
  if (!sampling) sample();
  return busy || machineBusy;
}

/**
 * The pause between two batches: a turn of the event loop, so that what was read from the sockets in one turn shares a batch. While the process or the machine
 * is busy it is 5 ms, so that more share it: fewer statements and commits are then what gets everybody through sooner. Each of nine processes on two cores is
 * idle for most of its time and waits for a core.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (isBusy()) setTimeout(resolve, lingerMs);
    else setImmediate(resolve);
  });
}
