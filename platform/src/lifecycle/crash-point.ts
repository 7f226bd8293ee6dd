import { appendFileSync } from 'node:fs';

interface Armed {
  readonly point: string;
  readonly passage: number;
  readonly logFile: string | undefined;
}

// Read once: a crash point in a hot loop costs one comparison.
const armed = readArmed(process.env);
let passages = 0;

/**
 * A place where the process may be made to die, to prove that nothing is lost there. With `STOA_TEST_MODE=1` and `STOA_CRASH_AT=point:n` the
 * n-th passage through the named point kills this process with SIGKILL, after noting the point in the file named by `STOA_CRASH_LOG`.
 * Otherwise it does nothing.
 *
 * @param name like `relay.before-confirm`
 */
export function crashPoint(name: string): void {
  if (armed !== undefined) pass(armed, name);
}

function pass({ point, passage, logFile }: Armed, name: string): void {
  if (name !== point) return;
  passages++;
  if (passages !== passage) return;
  if (logFile !== undefined) appendFileSync(logFile, `crash-point ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
  // The signal ends this thread before it gets any further, but not on the very instruction: nothing may run in between.
  for (;;);
}

/** What is to be done at which point; undefined outside of tests. @throws Error for a value that cannot be read */
export function readArmed(environment: Readonly<Record<string, string | undefined>>): Armed | undefined {
  const { STOA_TEST_MODE: testMode, STOA_CRASH_AT: at, STOA_CRASH_LOG: logFile } = environment;
  if (testMode !== '1' || at === undefined || at === '') return undefined;
  const match = /^([a-z][a-z0-9.-]*):([1-9]\d*)$/.exec(at);
  if (match === null) throw new Error(`STOA_CRASH_AT must read "point:n", got "${at}"`);
  return { point: match[1] as string, passage: Number(match[2]), logFile };
}
