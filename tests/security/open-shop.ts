import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import type { Database } from '@stoa/platform/sql';
import { newDataDir } from '@stoa/platform/testing';
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

interface Placement {
  /** On RabbitMQ, Redis and Consul; without them messages go from process to process by requests. */
  readonly servers: boolean;
  readonly replicas: number;
}

let placement: Placement | undefined;
/** What `openWatchedShop` has opened elsewhere and not closed: one fleet a test file is what the machine carries. */
let opened: TestFleet | undefined;

/** From now on shops of this test file are a process a service, or several. With servers it needs `// needs: rabbitmq redis consul`. */
export function placeShopsApart(apart: Placement): void {
  placement = apart;
}

/**
 * Opens an empty shop, with these settings of its gateway: in the test's own process unless shops were placed apart.
 * A second one of a file whose shops are apart is the first with its gateways started again.
 */
export async function openWatchedShop(environment: Environment = {}): Promise<WatchedShop> {
  if (!placement) return openInThisProcess(environment);
  if (!opened) return openApart(placement, environment);
  await restartGateways(opened, environment);
  return { ...watched(opened.shop.url, new Map()), close: async () => {} };
}

async function openInThisProcess(environment: Environment): Promise<WatchedShop> {
  const dataDir = await newDataDir('stoa-security-');
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

async function openApart({ servers, replicas }: Placement, environment: Environment): Promise<WatchedShop> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (let end = closing.pop(); end; end = closing.pop()) await end();
  };
  try {
    const found = servers ? await startRealServers() : undefined;
    if (found) closing.push(() => found.stop());
    const fleet = await TestFleet.open({ replicas, environment: { STOA_LOG_LEVEL: 'error', ...found?.environment } });
    opened = fleet;
    closing.push(async () => {
      opened = undefined;
      await fleet.close();
    });
    // Later: what is asked of a gateway until the fleet is ready would count against its limits.
    if (Object.keys(environment).length > 0) await restartGateways(fleet, environment);
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

async function restartGateways(fleet: TestFleet, environment: Environment): Promise<void> {
  for (const gateway of fleet.of('gateway')) {
    await gateway.end('SIGTERM');
    await gateway.start(environment);
  }
  while (!(await fetch(`${fleet.shop.url}/health/ready`)).ok) await sleep(20);
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
