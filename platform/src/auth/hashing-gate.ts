import { fault } from '../errors/index.ts';

/** Lets a few jobs run at once, a few more wait in order, and refuses the rest. */
export interface HashingGate {
  /** Runs `job` when a place is free. Rejects with the fault `service.unavailable` when too many wait already. */
  run<T>(job: () => Promise<T>): Promise<T>;
}

/**
 * Bounds the work of hashing passwords: each hash holds 19 MiB and one of libuv's four threads for about 40 ms, so two at a time
 * leave threads for DNS, files and token signatures, and a flood of log-ins is refused instead of filling memory.
 *
 * @param limits `concurrency` jobs at once; `waitingMax` jobs in the queue; `retryAfterS` told to those that are refused
 */
export function createHashingGate(limits: {
  concurrency: number;
  waitingMax: number;
  retryAfterS: number;
}): HashingGate {
  const waiting: (() => void)[] = [];
  let running = 0;

  return {
    async run(job) {
      if (running < limits.concurrency) {
        running += 1;
      } else {
        if (waiting.length >= limits.waitingMax) {
          throw fault('service.unavailable', 'Too many people are signing in just now.', {
            retryAfterS: limits.retryAfterS,
          });
        }
        // The finisher hands its place over, so `running` stays and nobody can slip in between.
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      try {
        return await job();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
