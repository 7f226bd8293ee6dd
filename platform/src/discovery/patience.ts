import { setTimeout as pause } from 'node:timers/promises';
import { findAppError } from '../errors/index.ts';

const delayMsMin = 100;
const delayMsMax = 2_000;

/** How long to wait before the next try after so many failed ones: doubled each time up to 2 s, of which a random half or more. */
export function retryDelayMs(failures: number): number {
  return Math.min(delayMsMax, delayMsMin * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}

/** Tries until it works, while what is wrong may pass (`service.unavailable`), and for so long at most; then the last error is thrown. */
export async function tryFor<T>(withinMs: number, work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (let failures = 0; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (findAppError(error)?.code !== 'service.unavailable' || performance.now() > endMs) throw error;
    }
    await pause(retryDelayMs(failures));
  }
}
