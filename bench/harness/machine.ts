import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/** What a reader has to know of the machine to judge figures. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  /** Processes that wanted a core, on average over the minute before. More than a little of it means that others were at work. */
  readonly loadBefore: number;
}

export function thisMachine(): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    processor: cores[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** Share of the processors' time that the host of a virtual machine gave to others since `before`; undefined where there is no /proc. */
export function stolenShare(before: ProcessorTimes | undefined): number | undefined {
  const now = processorTimes();
  if (!before || !now || now.all === before.all) return undefined;
  return (now.stolen - before.stolen) / (now.all - before.all);
}

export interface ProcessorTimes {
  readonly all: number;
  readonly stolen: number;
}

export function processorTimes(): ProcessorTimes | undefined {
  try {
    const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    // user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in the first two already.
    const times = first.trim().split(/\s+/).slice(1, 9).map(Number);
    return { all: times.reduce((sum, ticks) => sum + ticks, 0), stolen: times[7] ?? 0 };
  } catch {
    return undefined;
  }
}
