import { mkdirSync } from 'node:fs';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { descendantsOf } from './processes.ts';
import { profileFlags, profileSettings } from './profile.ts';
import type { Bench } from './scenario.ts';
import { startStoa } from './stoa-process.ts';

/** One process of a split shop. */
export interface FleetProcess {
  readonly service: string;
  readonly pid: number;
}

/** A shop in a process a service. */
export interface Fleet {
  readonly url: string;
  readonly metricsUrls: ReadonlyMap<string, string>;
  /** Process id and administrator's URL of its embedded PostgreSQL. */
  readonly postgres: { readonly pid: number; readonly adminUrl: string };
  /** The process that looks after the others. */
  readonly pid: number;
  /** From the start until every service answered. */
  readonly openMs: number;
  /** Where processor profiles are once it has stopped, if they were asked for. */
  readonly profileDir: string;
  /** Those that live now; none where there is no /proc. */
  processes(): readonly FleetProcess[];
  errors(): string;
  stop(): Promise<void>;
}

/** Starts a shop as `npx stoa up --split` does, on free ports of the loopback, and returns when every service answers. */
export async function startFleet(
  bench: Bench,
  { dataDir, environment = {} }: { dataDir: string; environment?: Readonly<Record<string, string>> },
): Promise<Fleet> {
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const profileDir = `${dataDir}-profile`;
  if (bench.profile) await startEmbeddedPostgres({ dataDir, settings: profileSettings });
  const { pid, startedAtMs, opened, errors, stop } = startStoa(bench, {
    args: ['up', '--split'],
    nodeFlags: bench.profile ? profileFlags(profileDir) : [],
    environment: { PORT: '0', STOA_DATA_DIR: dataDir, STOA_DEMO: '0', ...environment },
  });
  const { text, atMs } = await opened;
  // Adopts the running server.
  const postgres = await startEmbeddedPostgres({ dataDir });
  bench.defer(async () => {
    await stop();
    await postgres.stop();
  });
  const url = / is open at (\S+)/.exec(text)?.[1];
  const processes = [...text.matchAll(/^ +([a-z]+) +\d+ +(http:\S+\/metrics)$/gm)];
  if (url === undefined || processes.length === 0) throw new Error(`the shop does not say where it is:\n${text}`);
  return {
    // Not by name: a name that stands for two addresses costs a second try a connection.
    url: url.replace('localhost', '127.0.0.1'),
    metricsUrls: new Map(processes.map(([, service = '', metricsUrl = '']) => [service, metricsUrl])),
    postgres,
    pid,
    openMs: atMs - startedAtMs,
    profileDir,
    processes: () => fleetOf(pid),
    errors,
    stop,
  };
}

function fleetOf(pid: number): FleetProcess[] {
  return descendantsOf(pid).flatMap((child) => {
    const service = /^stoa ([a-z]+)$/.exec(child.title)?.[1];
    return service === undefined ? [] : [{ service, pid: child.pid }];
  });
}
