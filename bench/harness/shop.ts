import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { freePort } from '@stoa/platform/testing';
import { cpuMsOf } from './processes.ts';
import { profileFlags, profileSettings } from './profile.ts';
import type { Bench } from './scenario.ts';
import { startStoa } from './stoa-process.ts';

export { admin, stoa } from './stoa-process.ts';

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

const readyMsMax = 60_000;

/** Starts the shop as `npx stoa up` does, on free ports of the loopback, and returns when it is ready. */
export async function startShop(bench: Bench, options: ShopOptions): Promise<Shop> {
  const { dataDir, demo = false, nodeFlags = [], environment = {} } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const [port, metricsPort] = await Promise.all([freePort(), freePort()]);
  const profileDir = `${dataDir}-profile`;
  // The shop adopts a server that already runs.
  if (bench.profile) await startEmbeddedPostgres({ dataDir, settings: profileSettings });
  const { child, pid, startedAtMs, opened, errors, stop } = startStoa(bench, {
    args: ['up', ...(demo ? ['--demo'] : [])],
    nodeFlags: [...nodeFlags, ...(bench.profile ? profileFlags(profileDir) : [])],
    environment: {
      PORT: String(port),
      STOA_METRICS_PORT: String(metricsPort),
      STOA_DATA_DIR: dataDir,
      STOA_DEMO: demo ? '1' : '0',
      ...environment,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - startedAtMs > readyMsMax) {
      throw new Error(`the shop did not start:\n${errors().slice(-2000)}`);
    }
    await sleep(10);
  }
  const readyMs = performance.now() - startedAtMs;
  const cpuToReadyMs = cpuMsOf(pid);
  const openMs = (await opened).atMs - startedAtMs;
  // Adopts the running server: what it is for is its process id, and that nothing stays when the shop was killed.
  const postgres = await startEmbeddedPostgres({ dataDir });
  bench.defer(async () => {
    await stop();
    await postgres.stop();
  });
  return {
    url,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    pid,
    postgres,
    readyMs,
    cpuToReadyMs,
    openMs,
    profileDir,
    errors,
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
