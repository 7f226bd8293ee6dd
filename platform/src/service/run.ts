import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Callers, createCallers, type UserDirectory } from '../auth/index.ts';
import { MemoryCache, type SharedRedis, unheardTtlMsMax } from '../cache/index.ts';
import { type Client, createClients } from '../client/index.ts';
import type { Environment } from '../config/index.ts';
import type { Discovery } from '../discovery/index.ts';
import { assert, fault, refusal } from '../errors/index.ts';
import type { HostedHttp } from '../http/index.ts';
import { newId } from '../ids/index.ts';
import { createPolicies } from '../resilience/index.ts';
import { type Cause, type Contract, type Message, nobodyWaits, type Principal } from '../schema/index.ts';
import { type Metrics, newTraceparent, type Traces } from '../telemetry/index.ts';
import { type Clock, systemClock } from '../time/index.ts';
import { type Broker, LocalTransport, RemoteTransport, type Transport } from '../transport/index.ts';
import type { Certificate } from '../trust/index.ts';
import type { ServiceDefinition } from './definition.ts';
import type { Edge, HealthReport, LocalTarget, RemoteTarget } from './edge.ts';
import type { Fleet } from './fleet.ts';
import { answerProbes, createLook, listed, type ProcessHealth, unreadiness } from './health.ts';
import { type HostedService, hostService } from './host-service.ts';
import { measureCertificate, measureEndpoints, measureServices } from './measure.ts';
import { opsContract } from './ops-contract.ts';

export interface RunOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly version: string;
  readonly clock?: Clock;
  /** Every service there is, here or elsewhere; those of this process unless given. */
  readonly system?: readonly ServiceDefinition<never>[];
  /** How services elsewhere are reached; without it this process is all there is. */
  readonly fleet?: Fleet;
  /** What carries messages between processes; without it subscribers take them by a request. */
  readonly broker?: Broker;
  /** What processes of the shop share beside their messages; without it each keeps its own. */
  readonly redis?: SharedRedis;
  /** Told about requests, connections, messages and sagas. */
  readonly metrics?: Metrics;
  /** Where spans of requests, messages, steps and effects go; whoever made it closes it after the stop. */
  readonly traces?: Traces;
  /** Told every event committed in this process: at most once, so for counts and not for effects. */
  readonly onEvent?: (message: Message) => void;
  /** The URL of a service's database. */
  readonly databaseUrl: (service: string) => Promise<string>;
  /** Connections that all services of this process share out among them; 60 unless given. */
  readonly connectionsMax?: number;
  /** Where accounts are asked for, to find out whom a token speaks for; without it tokens are refused. */
  readonly users?: (host: CallersHost) => UserDirectory;
  /** Whom a token speaks for, in place of asking `users`. */
  readonly verifyToken?: (token: string, cause: Cause) => Promise<Principal>;
}

/** What finding out about callers can be made of. */
export interface CallersHost {
  readonly clock: Clock;
  client<C extends Contract>(contract: C): Client<C>;
  /** Hears every event committed in this process: at most once, may be lost. */
  onEvent(type: string, hear: (message: Message) => void): void;
}

/** A set of services while it runs. */
export interface Running {
  readonly services: ReadonlyMap<string, HostedService>;
  /** Where the gateway listens; undefined when it is not among the services. */
  readonly url: string | undefined;
  /** For whoever watches over this process. */
  readonly health: ProcessHealth;
  /** Drains in reverse: the door first, then services, then databases. */
  stop(deadlineMs?: number): Promise<void>;
}

const drainMs = 9_000;
const connectionsMaxDefault = 60;

/** Hosts services in this process and connects them with each other and with those elsewhere; returns when all are ready. */
export async function run(definitions: readonly ServiceDefinition<never>[], options: RunOptions): Promise<Running> {
  const { environment, log, clock = systemClock, fleet, broker, redis, metrics, traces } = options;
  const names = definitions.map((definition) => definition.name);
  assert(new Set(names).size === names.length, 'two services have one name');
  const inner = definitions.filter((definition) => definition.edge === undefined);
  const system = (options.system ?? definitions).filter((definition) => definition.edge === undefined);
  const listeners = new Map<string, ((message: Message) => void)[]>();
  const hosted = new Map<string, HostedService>();
  const doors = new Map<string, HostedHttp>();
  const registrations: { deregister(): Promise<void> }[] = [];
  const consumers: { stop(): Promise<void> }[] = [];
  let draining = false;

  const remote = fleet && { discovery: fleet.discovery, trust: fleet.trust };
  const policies = createPolicies({ caller: names.join(' '), log, ...(metrics && { metrics }) });
  const clientsByName = new Map<string, ReturnType<typeof createClients>>();
  const clientsOf = (caller: string) => {
    let clients = clientsByName.get(caller);
    if (clients === undefined) {
      clients = createClients({ caller, local: doors, log, policies, ...(remote && { remote }) });
      clientsByName.set(caller, clients);
    }
    return clients;
  };
  const onEvent = (type: string, hear: (message: Message) => void) => {
    listeners.set(type, [...(listeners.get(type) ?? []), hear]);
  };
  const self = clientsOf(names[0] ?? 'nobody');
  const callers = knowCallers(options, { clock, client: self.client, onEvent });

  const local = new LocalTransport();
  const elsewhere = new RemoteTransport(async (subscriber, messages) => {
    // In no trace and with an id of its own: a delivery is of many, and how long each of its messages was under way is told when it is handled.
    const cause = { correlationId: newId(), traceparent: newTraceparent(false) };
    await self
      .client(opsContract(subscriber))
      .takeMessages({ body: { messages: [...messages] } }, { cause, deadlineMs: nobodyWaits });
  });
  const transport: Transport = broker ?? {
    deliver: (subscriber, messages) => (doors.has(subscriber) ? local : elsewhere).deliver(subscriber, messages),
  };
  const subscribersOf = subscriptions(system);
  const connectionsMax = Math.max(
    3,
    Math.floor((options.connectionsMax ?? connectionsMaxDefault) / Math.max(1, inner.length)),
  );

  async function open(definition: ServiceDefinition<never>): Promise<void> {
    const service = await hostService(definition, {
      environment,
      clock,
      log: log.child({ service: definition.name }),
      databaseUrl: await options.databaseUrl(definition.name),
      connectionsMax,
      hasPeers: fleet !== undefined,
      cache: redis?.cache ?? new MemoryCache(fleet && { ttlMsMax: unheardTtlMsMax }),
      transport,
      subscribersOf,
      onEvent: (message) => {
        options.onEvent?.(message);
        redis?.hints.tell({ type: message.type, key: message.key });
        for (const hear of listeners.get(message.type) ?? []) hear(message);
      },
      client: clientsOf(definition.name).client,
      traces,
      metrics,
      http: {
        log,
        verifyToken: options.verifyToken ?? callers.verify,
        ...(fleet && { callerOf: (request) => fleet.trust.callerOf(request) }),
        ...(traces && { traces }),
        ...(metrics && { observe: metrics.observeHttp(definition.name) }),
        ...(environment.STOA_TEST_MODE === '1' && { checkAnswers: true }),
      },
    });
    hosted.set(definition.name, service);
    doors.set(definition.name, service.http);
    local.attach(definition.name, service.inbox);
  }

  /** Opens the doors for other processes and takes in what they send. */
  async function join(name: string, service: HostedService, joined: Fleet): Promise<void> {
    const { url } = await service.http.listen({
      ...joined.listenAt(name),
      tls: joined.trust.server,
      first: answerProbes(health),
    });
    log.info({ service: name, url }, 'listening for other processes');
    registrations.push(
      await joined.discovery.register({
        service: name,
        url: joined.advertise(name, url),
        problem: async () => (await unreadiness(health)).join('; ') || undefined,
      }),
    );
  }

  const elsewhereNames = system.map(({ name }) => name).filter((name) => !names.includes(name));
  /** What all services need. Without either of these orders are taken: degraded, not down. */
  const looks = [
    ...(broker ? [lookAt('broker', broker)] : []),
    ...(redis ? [lookAt('redis', redis)] : []),
    ...(fleet ? [lookAtDiscovery(fleet.discovery, elsewhereNames)] : []),
  ];
  const dependencies = async (): Promise<HealthReport[]> => [
    ...(await Promise.all(looks.map((look) => look()))),
    ...certificateHealth(fleet?.trust.certificate),
  ];

  const health: ProcessHealth = {
    version: options.version,
    isDraining: () => draining,
    async lookAtServices() {
      return (await Promise.all([...hosted.values()].map((service) => service.health()))).flatMap(listed);
    },
    async look() {
      const [own, others] = await Promise.all([health.lookAtServices(), dependencies()]);
      return [...own, ...others];
    },
  };

  const stopAll = async (deadlineMs: number): Promise<void> => {
    policies.close();
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    const all = [...hosted.values()];
    // Step by step together: what one still does may need another.
    await Promise.all(all.map((service) => service.http.close(deadlineMs)));
    await Promise.all(all.map((service) => service.stop(deadlineMs)));
    await Promise.all(all.map((service) => service.close()));
    callers.close();
    await Promise.all([...clientsByName.values()].map((clients) => clients.close()));
  };

  try {
    const opened = await Promise.allSettled(inner.map(open));
    const failed = opened.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    if (metrics) measureServices(metrics, hosted);
    if (metrics && fleet) measureEndpoints(metrics, fleet.discovery, elsewhereNames);
    if (metrics && fleet?.trust.certificate) measureCertificate(metrics, fleet.trust.certificate, clock);
    for (const service of hosted.values()) await service.start();
    // Whoever cannot take its port or its name takes no message from the broker either.
    if (fleet) for (const [name, service] of hosted) await join(name, service, fleet);
    if (broker) for (const [name, service] of hosted) consumers.push(await broker.consume(name, service.inbox));
    const door = definitions.find((definition) => definition.edge !== undefined);
    const edge = door && (await openEdge(door));
    return {
      services: hosted,
      url: edge?.url,
      health,
      async stop(deadlineMs = clock.nowMs() + (fleet?.graceMs ?? 0) + drainMs) {
        draining = true;
        if (fleet) await leave(fleet, edge);
        await edge?.close(deadlineMs);
        await stopAll(deadlineMs);
      },
    };
  } catch (error) {
    await Promise.all(registrations.map((registration) => registration.deregister().catch(() => undefined)));
    await stopAll(clock.nowMs() + drainMs).catch((again) =>
      log.error({ err: again }, 'a failed start could not be cleaned up'),
    );
    throw error;
  }

  /** Tells everybody that this process is going, and goes on answering while they hear of it. */
  async function leave({ graceMs }: Fleet, edge: Edge | undefined): Promise<void> {
    edge?.retire();
    for (const service of hosted.values()) service.http.retire();
    await Promise.all(
      registrations.map((registration) =>
        registration.deregister().catch((error) => log.warn({ err: error }, 'could not be deregistered')),
      ),
    );
    await sleep(graceMs);
  }

  async function openEdge(door: ServiceDefinition<never>): Promise<Edge> {
    const startEdge = door.edge;
    if (!startEdge) throw fault('service.unavailable', `${door.name} has no edge`);
    const targets = system.map(({ name, contract }): LocalTarget | RemoteTarget => {
      const here = hosted.get(name);
      if (here === undefined) return { kind: 'remote', contract, discoveryName: name };
      return {
        kind: 'local',
        contract: here.service.contract,
        handle: (request, response, context) => here.http.handle(request, response, context),
      };
    });
    const { client } = clientsOf(door.name);
    return startEdge({
      environment,
      clock,
      log: log.child({ service: door.name }),
      version: options.version,
      targets,
      client,
      callers,
      policies,
      ...(fleet && { discovery: fleet.discovery, trust: fleet.trust }),
      async health() {
        const asked = system.map((definition) => askHealth(client(opsContract(definition.name)), definition));
        const [reports, others] = await Promise.all([Promise.all(asked), dependencies()]);
        return [...reports.flat(), ...others];
      },
      onEvent,
      ...(redis && { hints: redis.hints, counters: redis.counters }),
      ...(metrics && { observe: metrics.observeHttp(door.name) }),
      ...(traces && { startTrace: traces.start, traces }),
    });
  }
}

function knowCallers({ users, log }: RunOptions, host: CallersHost): Callers {
  if (users === undefined) return strangers;
  return createCallers({
    clock: host.clock,
    directory: users(host),
    onAskFailed: (what, error) => log.debug({ err: error }, `the ${what} could not be read; they are asked for again`),
  });
}

/** Nobody is known. */
const strangers: Callers = {
  known: () => undefined,
  verify: () => Promise.reject(refusal('auth.invalid', 'The token is not valid.')),
  feed: { begin: async () => undefined, catchUp: () => undefined, catchingUp: undefined, close: () => undefined },
  close: () => undefined,
};

/** Who hears which type of event, worked out once from what the services declare. */
function subscriptions(definitions: readonly ServiceDefinition<never>[]): (type: string) => readonly string[] {
  const subscribers = new Map<string, string[]>();
  for (const { name, reactions } of definitions) {
    for (const { event } of reactions ?? [])
      subscribers.set(event.type, [...(subscribers.get(event.type) ?? []), name]);
  }
  return (type) => subscribers.get(type) ?? [];
}

const healthMs = 1_500;

/** How a service is for the shop, wherever it runs; what cannot be asked is down, and without a listener the others go on. */
async function askHealth(
  client: Client<ReturnType<typeof opsContract>>,
  { name, isListener }: ServiceDefinition<never>,
): Promise<HealthReport[]> {
  const startedAtMs = performance.now();
  const reports = await client
    .health({}, { cause: { correlationId: newId() }, deadlineMs: Date.now() + healthMs })
    .then(
      ({ dependencies = [], ...service }): HealthReport[] => listed({ ...service, dependencies }),
      (error: unknown): HealthReport[] => {
        const latencyMs = Math.round((performance.now() - startedAtMs) * 100) / 100;
        const reason = error instanceof Error ? error.message : 'it cannot be asked';
        return [{ name, state: 'down', latencyMs, reason }];
      },
    );
  if (isListener !== true) return reports;
  return reports.map((report) => (report.state === 'down' ? { ...report, state: 'degraded' } : report));
}

/** Lists that may be out of date: calls go on to whoever was known last. */
function lookAtDiscovery(discovery: Discovery, services: readonly string[]) {
  const problems = () =>
    services.flatMap((service) => {
      const problem = discovery.problem(service);
      return problem === undefined ? [] : [`${service}: ${problem}`];
    });
  return createLook('discovery', { ping: () => discovery.ping(), reason: () => problems().join('; ') || undefined });
}

/** A certificate that ends soon is somebody's business, and stops nobody yet. */
function certificateHealth(certificate: Certificate | undefined): HealthReport[] {
  if (certificate === undefined) return [];
  const reason = certificate.concern();
  return [
    { name: 'certificate', state: reason === undefined ? 'up' : 'degraded', latencyMs: 0, ...(reason && { reason }) },
  ];
}

function lookAt(name: string, dependency: Broker | SharedRedis) {
  const reason = () => (dependency.state === 'up' ? undefined : (dependency.reason ?? 'it cannot be reached'));
  return createLook(name, { ping: () => dependency.ping(), reason });
}
