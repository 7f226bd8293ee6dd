import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgres, startEmbeddedPostgres, stopEmbeddedPostgres } from '@stoa/platform/embedded';
import { Database } from '@stoa/platform/sql';
import { freePort, newDataDir } from '@stoa/platform/testing';
import { serviceNames } from '@stoa/system';
import { admin, TestShop } from '../shop.ts';
import { FleetProcess } from './fleet-process.ts';
import { overTcp } from './over-tcp.ts';

export interface FleetOptions {
  /** Which services share a process; each has its own unless given. */
  readonly hosted?: readonly (readonly string[])[];
  /** Processes of each kind; 1 unless given. */
  readonly replicas?: number;
  /** Settings of every process: STOA_TRANSPORT, STOA_REDIS_URL, STOA_DISCOVERY … */
  readonly environment?: Readonly<Record<string, string>>;
  /** A folder that `stoa certs` has made, by which the processes of one service each trust each other; a common secret unless given. */
  readonly certificates?: string;
  /** More settings of one process, by the first of its services. */
  readonly environmentOf?: (service: string, replica: number) => Readonly<Record<string, string>>;
  /** The URL by which a service reaches another, or `postgres`, in place of the true one: a way past something. */
  readonly through?: (from: string, to: string, url: string) => Promise<string>;
}

/** A process a service, or for a few of them, each of which may be killed, stopped and started again, on one PostgreSQL with a database and a role a service. */
export class TestFleet {
  readonly dataDir: string;
  readonly processes: readonly FleetProcess[];
  /** The shop as it is seen through the first gateway. */
  shop!: TestShop;

  private constructor(dataDir: string, processes: readonly FleetProcess[]) {
    this.dataDir = dataDir;
    this.processes = processes;
  }

  static async open(options: FleetOptions = {}): Promise<TestFleet> {
    const dataDir = await newDataDir('stoa-fleet-');
    const database = await startPostgres(dataDir);
    const fleet = new TestFleet(dataDir, await placesOf(dataDir, database, options));
    try {
      await Promise.all(fleet.processes.map((process) => process.start()));
      await fleet.ready();
      fleet.shop = await TestShop.at(`http://127.0.0.1:${fleet.of('gateway')[0]?.place.port}`, dataDir);
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  /** The processes of one service. */
  of(service: string): readonly FleetProcess[] {
    return this.processes.filter(({ place }) => place.services.includes(service));
  }

  /** What the processes have written last, to be read when something went wrong. */
  outputs(): string {
    return this.processes.map(({ name, output }) => `--- ${name}\n${output.slice(-4_000)}`).join('\n');
  }

  /** Waits until every gateway that runs has found every service. */
  async ready(timeoutMs = 60_000): Promise<void> {
    const byMs = Date.now() + timeoutMs;
    for (const { place } of this.of('gateway').filter(({ isRunning }) => isRunning)) {
      for (;;) {
        // The shop is ready without those that only listen; tests want them too.
        const answer = await fetch(`http://127.0.0.1:${place.port}/health`).catch(() => undefined);
        const health = (await answer?.json()) as { services: { name: string; state: string }[] } | undefined;
        const isAway = ({ name, state }: { name: string; state: string }) =>
          serviceNames.includes(name) && state !== 'up';
        if (health !== undefined && !health.services.some(isAway)) break;
        if (Date.now() > byMs) throw new Error(`the fleet is not ready: ${JSON.stringify(health)}`);
        await sleep(50);
      }
    }
  }

  /** A look past the service into its database; whoever asked closes it. */
  async openDatabase(service: string): Promise<Database> {
    const url = new URL((await startPostgres(this.dataDir)).adminUrl);
    url.pathname = `/${service}`;
    return new Database({ url: url.href, connectionsMax: 1, name: service });
  }

  /** Ends PostgreSQL as a power cut would, and starts it again; answers with both of its processes. */
  async restartPostgres(
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<{ readonly ended: number; readonly begun: number }> {
    const { pid: ended } = await startPostgres(this.dataDir);
    process.kill(ended, signal);
    while (isAlive(ended)) await sleep(20);
    const { pid: begun } = await startPostgres(this.dataDir);
    return { ended, begun };
  }

  /** Ends everything and removes the data. */
  async close(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end('SIGKILL')));
    await stopEmbeddedPostgres(this.dataDir);
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

const connectionsPerService = 12;

function startPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir, settings: { max_connections: '300', log_min_messages: 'warning' } });
}

async function placesOf(dataDir: string, database: EmbeddedPostgres, options: FleetOptions): Promise<FleetProcess[]> {
  const { hosted = serviceNames.map((service) => [service]), replicas = 1, environment = {}, environmentOf } = options;
  const { through = async (_from, _to, url) => url } = options;
  const ports = new Map<string, number[]>();
  for (const service of serviceNames)
    ports.set(service, await Promise.all(Array.from({ length: replicas }, () => freePort())));
  const neighboursOf = async (services: readonly string[]) => {
    const others = [...ports].filter(([service]) => service !== 'gateway' && !services.includes(service));
    const listed = others.map(async ([service, list]) => {
      const from = services[0] ?? '';
      const urls = await Promise.all(list.map((port) => through(from, service, `http://127.0.0.1:${port}`)));
      return `${service}=${urls.join(',')}`;
    });
    return (await Promise.all(listed)).join(';');
  };
  const ownOf = async (service: string, port: number): Promise<Record<string, string>> => {
    if (service === 'gateway') return { PORT: String(port) };
    const upper = service.toUpperCase();
    const url = await through(service, 'postgres', overTcp(await database.ensureDatabase(service)));
    return { [`STOA_${upper}_PORT`]: String(port), [`STOA_${upper}_DATABASE_URL`]: url };
  };
  const secret = randomBytes(32).toString('base64url');
  const trustOf = (service = '') =>
    options.certificates === undefined
      ? { STOA_SERVICE_SECRET: secret }
      : { STOA_TLS_DIR: join(options.certificates, service) };
  const processes: FleetProcess[] = [];
  for (const services of hosted) {
    const neighbours = await neighboursOf(services);
    for (let replica = 0; replica < replicas; replica++) {
      const portOf = (service = '') => ports.get(service)?.[replica] ?? 0;
      const own = await Promise.all(services.map((service) => ownOf(service, portOf(service))));
      processes.push(
        new FleetProcess({
          services,
          replica,
          port: portOf(services[0]),
          environment: {
            PATH: process.env.PATH ?? '',
            NODE_COMPILE_CACHE: join(tmpdir(), 'stoa-test-compiled'),
            STOA_HOST: '127.0.0.1',
            STOA_METRICS_PORT: '0',
            STOA_DATA_DIR: dataDir,
            STOA_RATE_LIMITS: 'off',
            STOA_LOG_LEVEL: 'warn',
            STOA_ADMIN_EMAIL: admin.email,
            STOA_ADMIN_PASSWORD: admin.password,
            STOA_TEST_MODE: '1',
            ...trustOf(services[0]),
            STOA_DISCOVERY: `static:${neighbours}`,
            STOA_DATABASE_CONNECTIONS: String(connectionsPerService * services.length),
            ...environment,
            ...Object.assign({}, ...own),
            ...environmentOf?.(services[0] ?? '', replica),
          },
        }),
      );
    }
  }
  return processes;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
