import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bench } from './scenario.ts';

/** Clock ticks a second in /proc on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Milliseconds of processor time that a process has used; 0 where there is no /proc. */
export function cpuMsOf(pid: number): number {
  const fields = statOf(pid);
  return fields ? ticksToMs(fields.user + fields.system) : 0;
}

/** Milliseconds of processor time of a server and of all processes it has or had, such as PostgreSQL's backends. */
export function cpuMsOfFamily(pid: number): number {
  const living = [pid, ...descendantsOf(pid).map((descendant) => descendant.pid)].map(statOf);
  return ticksToMs(living.reduce((sum, stat) => sum + (stat ? stat.user + stat.system + stat.ofEndedChildren : 0), 0));
}

/** A process that lives, by the title it gave itself or the command it was started with. */
export interface NamedProcess {
  readonly pid: number;
  readonly title: string;
}

/** The processes that a process has started, and those that these have. None where there is no /proc. */
export function descendantsOf(pid: number): NamedProcess[] {
  const children = new Map<number, number[]>();
  for (const other of allPids()) {
    const parent = statOf(other)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), other]);
  }
  const found: NamedProcess[] = [];
  const look = (parent: number) => {
    for (const child of children.get(parent) ?? []) {
      found.push({ pid: child, title: titleOf(child) });
      look(child);
    }
  };
  look(pid);
  return found;
}

function allPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Memory in MB of a process and all it has started; pages that several of them share count once. 0 where there is no /proc. */
export function memoryMbOfFamily(pid: number): number {
  return [pid, ...descendantsOf(pid).map((descendant) => descendant.pid)].reduce((sum, one) => sum + shareMbOf(one), 0);
}

/** Memory in MB of one process; pages that it shares with others count in part. */
export function shareMbOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return memoryMbOf(pid).now;
  }
}

/** Resident memory in MB: now, and at its highest since the process began. 0 where there is no /proc. */
export function memoryMbOf(pid: number): { now: number; peak: number } {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024;
    return { now: read('VmRSS'), peak: read('VmHWM') };
  } catch {
    return { now: 0, peak: 0 };
  }
}

interface Stat {
  readonly parent: number;
  readonly user: number;
  readonly system: number;
  readonly ofEndedChildren: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold spaces.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { parent, user, system, ofEndedChildren: childUser + childSystem };
  } catch {
    return undefined;
  }
}

function ticksToMs(ticks: number): number {
  return (ticks * 1000) / ticksPerSecond;
}

/**
 * Runs one of our programs under bench/ in a process of its own: sends it `input` and returns what it answers. It is killed when it takes longer
 * than `timeoutMs`, and when the scenario ends.
 */
export async function ask<Answer>(
  bench: Bench,
  program: string,
  input: object,
  { timeoutMs = 120_000, execArgv = [] as string[] } = {},
): Promise<Answer> {
  const child = fork(fileURLToPath(new URL(`../${program}`, import.meta.url)), {
    execArgv: ['--disable-warning=DeprecationWarning', ...execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  bench.defer(async () => void child.kill('SIGKILL'));
  child.send(input);
  try {
    return await answerOf<Answer>(child, program, timeoutMs);
  } finally {
    if (child.connected) child.disconnect();
    await ended(child);
  }
}

function answerOf<Answer>(child: ChildProcess, program: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${program} was not done after ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.once('message', (answer) => {
      clearTimeout(timer);
      const { error, result } = answer as { error?: string; result?: Answer };
      if (error === undefined) resolve(result as Answer);
      else reject(new Error(`${program}: ${error}`));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`${program} ended with ${signal ?? code} before it answered`));
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** The other end of `ask`: does the work it is sent, answers and ends. */
export function answer<Input, Result>(work: (input: Input) => Promise<Result>): void {
  process.once('message', (input) => {
    work(input as Input)
      .then(
        (result) => ({ result }),
        (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
      .then((message) => process.send?.(message, () => process.exit(0)));
  });
}
