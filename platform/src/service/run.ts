import type { Logger } from 'pino';
import { createClients } from '../client/index.ts';
import type { Environment } from '../config/index.ts';
import { assert, fault } from '../errors/index.ts';
import type { HostedHttp } from '../http/index.ts';
import type { Message, Principal } from '../schema/index.ts';
import type { Metrics, Traces } from '../telemetry/index.ts';
import { type Clock, systemClock } from '../time/index.ts';
import { LocalTransport } from '../transport/index.ts';
import type { ServiceDefinition } from './definition.ts';
import type { Edge, HealthReport, LocalTarget } from './edge.ts';
import { type HostedService, hostService } from './host-service.ts';
import { measureServices } from './measure.ts';

export interface RunOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly version: string;
  readonly clock?: Clock;
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
  /** Who a bearer token speaks for, where no gateway has found out before. */
  readonly verifyToken?: (token: string) => Promise<Principal>;
}

/** A set of services while it runs. */
export interface Running {
  readonly services: ReadonlyMap<string, HostedService>;
  /** Where the gateway listens; undefined when it is not among the services. */
  readonly url: string | undefined;
  /** Drains in reverse: the door first, then services, then databases. */
  stop(deadlineMs?: number): Promise<void>;
}

const drainMs = 9_000;
const connectionsMaxDefault = 60;

/** Hosts services in this process and connects them; returns when all are ready. */
export async function run(definitions: readonly ServiceDefinition<never>[], options: RunOptions): Promise<Running> {
  const { environment, log, clock = systemClock } = options;
  const names = definitions.map((definition) => definition.name);
  assert(new Set(names).size === names.length, 'two services have one name');
  const inner = definitions.filter((definition) => definition.edge === undefined);
  const transport = new LocalTransport();
  const listeners = new Map<string, ((message: Message) => void)[]>();
  const hosted = new Map<string, HostedService>();
  const doors = new Map<string, HostedHttp>();
  const clientsOf = (caller: string) => createClients({ caller, local: doors, log });
  const subscribersOf = subscriptions(inner);
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
      transport,
      subscribersOf,
      onEvent: (message) => {
        options.onEvent?.(message);
        for (const hear of listeners.get(message.type) ?? []) hear(message);
      },
      client: clientsOf(definition.name).client,
      traces: options.traces,
      metrics: options.metrics,
      http: {
        log,
        ...(options.traces && { traces: options.traces }),
        ...(options.verifyToken && { verifyToken: options.verifyToken }),
        ...(options.metrics && { observe: options.metrics.observeHttp(definition.name) }),
        ...(environment.STOA_TEST_MODE === '1' && { checkAnswers: true }),
      },
    });
    hosted.set(definition.name, service);
    doors.set(definition.name, service.http);
    transport.attach(definition.name, service.inbox);
  }

  const stopAll = async (deadlineMs: number): Promise<void> => {
    await Promise.all([...hosted.values()].map((service) => service.stop(deadlineMs)));
  };

  try {
    const opened = await Promise.allSettled(inner.map(open));
    const failed = opened.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    if (options.metrics) measureServices(options.metrics, hosted);
    for (const service of hosted.values()) await service.start();
    const door = definitions.find((definition) => definition.edge !== undefined);
    const edge = door && (await openEdge(door));
    return {
      services: hosted,
      url: edge?.url,
      async stop(deadlineMs = clock.nowMs() + drainMs) {
        await edge?.close(deadlineMs);
        await stopAll(deadlineMs);
      },
    };
  } catch (error) {
    await stopAll(clock.nowMs() + drainMs).catch((again) =>
      log.error({ err: again }, 'a failed start could not be cleaned up'),
    );
    throw error;
  }

  async function openEdge(door: ServiceDefinition<never>): Promise<Edge> {
    const startEdge = door.edge;
    if (!startEdge) throw fault('service.unavailable', `${door.name} has no edge`);
    const targets = [...hosted.values()].map(
      (service): LocalTarget => ({
        kind: 'local',
        contract: service.service.contract,
        handle: (request, response, context) => service.http.handle(request, response, context),
      }),
    );
    return startEdge({
      environment,
      clock,
      log: log.child({ service: door.name }),
      version: options.version,
      targets,
      client: clientsOf(door.name).client,
      health: () => Promise.all([...hosted.values()].map((service) => healthOf(service))),
      onEvent(type, hear) {
        listeners.set(type, [...(listeners.get(type) ?? []), hear]);
      },
      ...(options.metrics && { observe: options.metrics.observeHttp(door.name) }),
      ...(options.traces && { startTrace: options.traces.start, traces: options.traces }),
    });
  }
}

/** Who hears which type of event, worked out once from what the services declare. */
function subscriptions(definitions: readonly ServiceDefinition<never>[]): (type: string) => readonly string[] {
  const subscribers = new Map<string, string[]>();
  for (const { name, reactions } of definitions) {
    for (const { event } of reactions ?? [])
      subscribers.set(event.type, [...(subscribers.get(event.type) ?? []), name]);
  }
  return (type) => subscribers.get(type) ?? [];
}

async function healthOf({ service, definition }: HostedService): Promise<HealthReport> {
  const startedAtMs = performance.now();
  const reasons: string[] = [];
  try {
    await service.db.query('select 1', []);
  } catch {
    reasons.push('its database cannot be reached');
  }
  reasons.push(...((await definition.unready?.(service).catch(() => ['it could not be asked'])) ?? []));
  const latencyMs = Math.round((performance.now() - startedAtMs) * 10) / 10;
  const [reason] = reasons;
  return reason === undefined
    ? { name: service.name, state: 'up', latencyMs }
    : { name: service.name, state: 'down', latencyMs, reason: reasons.join('; ') };
}
