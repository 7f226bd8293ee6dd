import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { cpuMsOf } from './processes.ts';
import { profileFlags, profileSettings } from './profile.ts';
import type { Bench } from './scenario.ts';

/** A shop in a process of its own. */
export interface Shop {
  readonly url: string;
  readonly metricsUrl: string;
  readonly pid: number;
  /** Process id and administrator's URL of its embedded PostgreSQL. */
  readonly postgres: { readonly pid: number; readonly adminUrl: string };
  /** From the start of the process until `/health/ready` said yes. */
  readonly readyMs: number;
  /** Processor time of the Node process until then. */
  readonly cpuToReadyMs: number;
  /** From the start until it said that it is open, with the demo in it if it was asked for. */
  readonly openMs: number;
  /** Where its processor profile is once it has stopped, if it was asked for. */
  readonly profileDir: string;
  /** What it has written to stderr. */
  errors(): string;
  stop(): Promise<void>;
}

export interface ShopOptions {
  readonly dataDir: string;
  readonly demo?: boolean;
  /** Flags of Node beside those that `npx stoa` sets. */
  readonly nodeFlags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export const admin = { email: 'admin@bench.example', password: 'a password for the bench' };

/** What `npx stoa` runs. It becomes the pinned Node with the flags of a shop, under the same process id. */
export const stoa = fileURLToPath(new URL('../../cli/bin/stoa.mjs', import.meta.url));
const readyMsMax = 60_000;
const stopMsMax = 15_000;

/** Starts the shop as `npx stoa up` does, on free ports of the loopback, and returns when it is ready. */
export async function startShop(bench: Bench, options: ShopOptions): Promise<Shop> {
  const { dataDir, demo = false, nodeFlags = [], environment = {} } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const [port, metricsPort] = await Promise.all([freePort(), freePort()]);
  const profileDir = `${dataDir}-profile`;
  // The shop adopts a server that already runs.
  if (bench.profile) await startEmbeddedPostgres({ dataDir, settings: profileSettings });
  const startedAtMs = performance.now();
  const flags = [
    '--disable-warning=DeprecationWarning',
    ...nodeFlags,
    ...(bench.profile ? profileFlags(profileDir) : []),
  ];
  const child = spawn(process.execPath, [stoa, 'up', ...(demo ? ['--demo'] : [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_OPTIONS: flags.join(' '),
      STOA_HOST: '127.0.0.1',
      PORT: String(port),
      STOA_METRICS_PORT: String(metricsPort),
      STOA_DATA_DIR: dataDir,
      STOA_DEMO: demo ? '1' : '0',
      STOA_RATE_LIMITS: 'off',
      STOA_LOG_LEVEL: 'warn',
      STOA_ADMIN_EMAIL: admin.email,
      STOA_ADMIN_PASSWORD: admin.password,
      ...environment,
    },
  });
  const opened = new Promise<number>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes(' is open at ')) resolve(performance.now() - startedAtMs);
    });
  });
  const written: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => void written.push(text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await exited;
    clearTimeout(kill);
  };
  bench.defer(stop);
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - startedAtMs > readyMsMax) {
      throw new Error(`the shop did not start:\n${written.join('').slice(-2000)}`);
    }
    await sleep(10);
  }
  const readyMs = performance.now() - startedAtMs;
  const cpuToReadyMs = cpuMsOf(child.pid as number);
  const openMs = await Promise.race([
    opened,
    exited.then(() => Promise.reject(new Error(`the shop ended:\n${written.join('')}`))),
  ]);
  // Adopts the running server: what it is for is its process id, and that nothing stays when the shop was killed.
  const postgres = await startEmbeddedPostgres({ dataDir });
  bench.defer(async () => {
    await stop();
    await postgres.stop();
  });
  return {
    url,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    pid: child.pid as number,
    postgres,
    readyMs,
    cpuToReadyMs,
    openMs,
    profileDir,
    errors: () => written.join(''),
    stop,
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** A port of the loopback that is free now. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
