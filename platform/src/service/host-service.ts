import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Cache, cacheOf } from '../cache/index.ts';
import type { Client } from '../client/index.ts';
import { type Environment, readSettings, setting } from '../config/index.ts';
import { EffectRunner } from '../effect/index.ts';
import { type HostedHttp, type HostHttpOptions, hostHttp } from '../http/index.ts';
import { Inbox } from '../inbox/index.ts';
import { Outbox, Relay } from '../outbox/index.ts';
import { Participant, SagaEngine, SagaWatch } from '../saga/index.ts';
import type { Contract, Message } from '../schema/index.ts';
import { Database, type DatabaseOptions, migrate, reachDatabase, readMigrations } from '../sql/index.ts';
import type { Metrics, Traces } from '../telemetry/index.ts';
import type { Clock } from '../time/index.ts';
import type { Transport } from '../transport/index.ts';
import type { Service, ServiceDefinition } from './definition.ts';
import { createDispatch } from './dispatch.ts';
import { createServiceHealth, type ServiceReport } from './health.ts';
import { JobRunner, kitJobs } from './jobs.ts';
import { withOperations } from './operations.ts';
import { traceMessages } from './trace-messages.ts';

export interface HostServiceOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Logger;
  readonly databaseUrl: string;
  readonly connectionsMax: number;
  /** Whether other processes may host the same service. */
  readonly hasPeers: boolean;
  readonly transport: Transport;
  readonly subscribersOf: (type: string) => readonly string[];
  readonly onEvent: (message: Message) => void;
  readonly client: <C extends Contract>(contract: C) => Client<C>;
  readonly http: HostHttpOptions;
  readonly traces?: Traces | undefined;
  readonly metrics?: Metrics | undefined;
  /** Where all services of this process keep copies; this process's memory, or Redis. */
  readonly cache: Cache;
}

/** A service while it runs: its database open, its workers at work. */
export interface HostedService {
  readonly definition: ServiceDefinition<never>;
  readonly service: Service<never>;
  readonly http: HostedHttp;
  readonly inbox: Inbox;
  readonly health: () => Promise<ServiceReport>;
  /** Starts the workers. Before, the service answers but moves nothing. */
  start(): Promise<void>;
  /** Stops taking work, finishes what runs, hands the rest back. What others in this process ask of it is still answered. */
  stop(deadlineMs: number): Promise<void>;
  /** Lets go of its database, once nobody in this process works any more. */
  close(): Promise<void>;
}

const described = {
  STOA_PREPARED_STATEMENTS: setting.choice(['on', 'off'], {
    default: 'on',
    describe: 'off behind a pooler that cannot keep prepared statements',
  }),
};

/** What is left of a stop for letting go of leases and connections. */
const handBackMs = 2_500;
const kitMigrations = new URL('../../migrations/', import.meta.url);

/** The variable that holds the URL of a service's database. */
export function databaseSetting(service: string): string {
  return `STOA_${service.toUpperCase()}_DATABASE_URL`;
}

/** Opens a service: database, migrations, everything between a request and its effects. */
export async function hostService(
  definition: ServiceDefinition<never>,
  options: HostServiceOptions,
): Promise<HostedService> {
  const database = {
    url: options.databaseUrl,
    name: definition.name,
    prepared: readSettings(options.environment, described).STOA_PREPARED_STATEMENTS,
  } as const;
  await bringUpToDate(database, definition);
  const db = new Database({ ...database, connectionsMax: options.connectionsMax });
  try {
    return await hostOn(db, definition, options);
  } catch (error) {
    // Open connections would keep alive a process whose start has failed.
    await db.close();
    throw error;
  }
}

/** On a connection of its own: a migration takes as long as it takes, and those that follow have the settings that it made. */
async function bringUpToDate(database: DatabaseOptions, { name, migrations }: ServiceDefinition<never>): Promise<void> {
  const db = new Database({ ...database, connectionsMax: 1 });
  try {
    await reachDatabase(db, { url: database.url, setting: databaseSetting(name) });
    await migrate(db, 'kit', await readMigrations(kitMigrations));
    if (migrations) await migrate(db, name, await readMigrations(migrations));
  } finally {
    await db.close();
  }
}

async function hostOn(
  db: Database,
  definition: ServiceDefinition<never>,
  options: HostServiceOptions,
): Promise<HostedService> {
  const { clock, log, environment, traces, metrics } = options;
  const relay = new Relay({ db, transport: options.transport, log, hasPeers: options.hasPeers });
  const outbox = new Outbox({
    clock,
    subscribersOf: options.subscribersOf,
    onCommitted: (entries) => relay.offer(entries),
    onEvent: options.onEvent,
  });
  const participant = new Participant(outbox, clock);
  const current = (): Service<never> => service;
  const watch = new SagaWatch({ service: definition.name, log, traces, metrics });
  const sagas = new SagaEngine({
    db,
    definitions: definition.sagas ?? [],
    outbox,
    clock,
    log,
    watch,
    service: current,
  });
  const effects = new EffectRunner({
    db,
    definitions: (definition.effects ?? []) as never[],
    service: current,
    log,
    traces,
  });
  const dispatch = createDispatch(definition, { service: current, sagas, participant });
  const handle = traceMessages(dispatch.handle, definition.name, traces);
  const inbox = new Inbox({ db, log, knows: dispatch.knows, handle });
  const health = createServiceHealth(definition, current);
  const whole = withOperations(definition, { db, sagas, inbox, health, traces });
  const cache = cacheOf(options.cache, definition.name);
  const deps = (await definition.prepare?.({ environment, db, clock, log, cache, client: options.client })) as never;
  const service: Service<never> = {
    name: definition.name,
    contract: whole.contract,
    db,
    clock,
    log,
    deps,
    cache,
    client: options.client,
    publish: (tx, event, message) => outbox.publish(tx, event, message),
    reply: (tx, command, outcome) => participant.reply(tx, command, outcome),
    perform: (tx, effect) => effects.request(tx, effect),
    sagas,
  };
  const http = await hostHttp(whole, service, options.http);
  const jobs = new JobRunner(db, [...kitJobs, ...(definition.jobs ?? [])] as never[], current, log);

  return {
    definition: whole,
    service,
    http,
    inbox,
    health,
    async start() {
      await inbox.start();
      relay.start();
      sagas.open();
      effects.start();
      jobs.start();
    },
    async stop(deadlineMs) {
      // An effect that does not come back is given up, as if this process had died: it comes due again.
      const workers = Promise.all([jobs.stop(), sagas.close(), effects.stop()]);
      await Promise.race([
        workers,
        sleep(Math.max(deadlineMs - handBackMs - Date.now(), 0), undefined, { ref: false }),
      ]);
      await inbox.stop();
      await relay.stop();
    },
    async close() {
      await definition.close?.(deps);
      await db.close();
    },
  };
}
