import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
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
  /** Where its processor profile is once it has stopped, if it was asked for. */
  readonly profileDir: string;
  /** What it has written to stderr. */
  errors(): string;
  stop(): Promise<void>;
}

export interface ShopOptions {
  readonly dataDir: string;
  readonly demo?: boolean;
  readonly execArgv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export const admin = { email: 'admin@bench.example', password: 'a password for the bench' };

const main = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
const readyMsMax = 60_000;
const stopMsMax = 15_000;

/** Starts the shop as `npm start` does, on free ports of the loopback, and returns when it is ready. */
export async function startShop(bench: Bench, options: ShopOptions): Promise<Shop> {
  const { dataDir, demo = false, execArgv = [], environment = {} } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const [port, metricsPort] = await freePorts();
  const profileDir = `${dataDir}-profile`;
  // The shop adopts a server that already runs.
  if (bench.profile) await startEmbeddedPostgres({ dataDir, settings: profileSettings });
  const startedAtMs = performance.now();
  const flags = ['--disable-warning=DeprecationWarning', ...execArgv, ...(bench.profile ? profileFlags(profileDir) : [])];
  const child = spawn(process.execPath, [...flags, main, 'up', ...(demo ? ['--demo'] : [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
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

/** Two ports that are free now; both are held while the second is looked for, so that they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number];
}
