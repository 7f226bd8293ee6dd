import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench } from './scenario.ts';

/** `npx stoa …` as a process. */
export interface StoaProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Resolves with what it has written to stdout, and when, once it says that the shop is open; rejects when it ends before. */
  readonly opened: Promise<{ readonly text: string; readonly atMs: number }>;
  /** What it has written to stderr. */
  errors(): string;
  stop(): Promise<void>;
}

export interface StoaOptions {
  readonly args: readonly string[];
  /** Flags of Node beside those that `npx stoa` sets. */
  readonly nodeFlags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export const admin = { email: 'admin@bench.example', password: 'a password for the bench' };

/** What `npx stoa` runs. It becomes the pinned Node with the flags of a shop, under the same process id. */
export const stoa = fileURLToPath(new URL('../../cli/bin/stoa.mjs', import.meta.url));
/** A split shop drains its door first and everything else after it. */
const stopMsMax = 30_000;

/** Starts `stoa` with what all shops of the bench have in common; it is stopped when the scenario ends. */
export function startStoa(bench: Bench, { args, nodeFlags, environment }: StoaOptions): StoaProcess {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [stoa, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_OPTIONS: ['--disable-warning=DeprecationWarning', ...nodeFlags].join(' '),
      STOA_HOST: '127.0.0.1',
      STOA_RATE_LIMITS: 'off',
      STOA_LOG_LEVEL: 'warn',
      STOA_ADMIN_EMAIL: admin.email,
      STOA_ADMIN_PASSWORD: admin.password,
      ...environment,
    },
  });
  const written: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => void written.push(text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const opened = new Promise<{ text: string; atMs: number }>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes(' is open at ') && text.includes('Ctrl-C')) resolve({ text, atMs: performance.now() });
    });
    void exited.then(() => reject(new Error(`the shop ended:\n${written.join('').slice(-2000)}`)));
  });
  // Whoever waits for something else first hears of the end from that.
  opened.catch(() => undefined);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await exited;
    clearTimeout(kill);
  };
  bench.defer(stop);
  return { child, pid: child.pid as number, startedAtMs, opened, errors: () => written.join(''), stop };
}
