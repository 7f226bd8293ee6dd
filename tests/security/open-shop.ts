import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import type { Database } from '@stoa/platform/sql';
import { openShop, serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import { startRealServers } from '../fleet/real-servers.ts';
import { admin } from '../shop.ts';

/** A whole shop whose databases can be looked at. */
export interface WatchedShop {
  readonly port: number;
  readonly admin: { readonly email: string; readonly password: string };
  /** Asks the database of one service. */
  query<R extends object>(service: string, sql: string, parameters?: readonly unknown[]): Promise<R[]>;
  readonly serviceNames: readonly string[];
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

let placement: (environment: Environment) => Promise<WatchedShop> = openInThisProcess;

/** From now on shops of this test file are a process a service, on RabbitMQ, Redis and Consul. Needs `// needs: rabbitmq redis consul`. */
export function placeShopsOnServers(): void {
  placement = openOnServers;
}

/** Opens an empty shop, with these settings of its gateway: in the test's own process unless shops were placed elsewhere. */
export function openWatchedShop(environment: Environment = {}): Promise<WatchedShop> {
  return placement(environment);
}

async function openInThisProcess(environment: Environment): Promise<WatchedShop> {
  const dataDir = await mkdtemp(join(tmpdir(), 'stoa-security-'));
  const shop = await openShop({
    demo: false,
    environment: {
      STOA_HOST: '127.0.0.1',
      PORT: '0',
      STOA_METRICS_PORT: '0',
      STOA_DATA_DIR: dataDir,
      STOA_RATE_LIMITS: 'off',
      STOA_LOG_LEVEL: process.env.STOA_LOG_LEVEL ?? 'silent',
      STOA_ADMIN_EMAIL: admin.email,
      STOA_ADMIN_PASSWORD: admin.password,
      ...environment,
    },
  });
  const databases = new Map([...shop.running.services].map(([name, { service }]) => [name, service.db]));
  return {
    ...watched(shop.url, databases),
    async close() {
      await shop.stop(5_000);
      await stopEmbeddedPostgres(dataDir);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function openOnServers(environment: Environment): Promise<WatchedShop> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (let end = closing.pop(); end; end = closing.pop()) await end();
  };
  try {
    const servers = await startRealServers();
    closing.push(() => servers.stop());
    const fleet = await TestFleet.open({ environment: { STOA_LOG_LEVEL: 'error', ...servers.environment } });
    closing.push(() => fleet.close());
    // Later: what is asked of the gateway until the fleet is ready would count against its limits.
    const [gateway] = fleet.of('gateway');
    await gateway?.end('SIGTERM');
    await gateway?.start(environment);
    while (!(await fetch(`${fleet.shop.url}/health/ready`)).ok) await sleep(20);
    const databases = new Map<string, Database>();
    for (const name of serviceNames.filter((name) => name !== 'gateway')) {
      const database = await fleet.openDatabase(name);
      databases.set(name, database);
      closing.push(() => database.close());
    }
    return { ...watched(fleet.shop.url, databases), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function watched(url: string, databases: ReadonlyMap<string, Database>): Omit<WatchedShop, 'close'> {
  return {
    port: Number(new URL(url).port),
    admin,
    serviceNames: [...databases.keys()],
    query: async <R extends object>(service: string, sql: string, parameters: readonly unknown[] = []) => {
      const database = databases.get(service);
      if (!database) throw new Error(`no service is called ${service}`);
      return database.query<R>(sql, [...parameters]);
    },
  };
}
