import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service, ServiceDefinition } from './definition.ts';
import type { HealthReport } from './edge.ts';

/** How a service is, and what only it depends on. */
export interface ServiceReport extends HealthReport {
  readonly dependencies: readonly HealthReport[];
}

/** Looks at a service: its database, and what it says of itself. */
export function createServiceHealth(
  definition: ServiceDefinition<never>,
  current: () => Service<never>,
): () => Promise<ServiceReport> {
  const lookAtDatabase = createLook(`${definition.name} postgresql`, {
    ping: () => current().db.query('select 1', []),
    stateWithout: 'down',
  });
  return async () => {
    const startedAtMs = performance.now();
    const database = await lookAtDatabase();
    const reasons = database.state === 'up' ? [] : ['its database cannot be reached'];
    reasons.push(...((await definition.unready?.(current()).catch(() => ['it could not be asked'])) ?? []));
    const report = { name: definition.name, latencyMs: sinceMs(startedAtMs), dependencies: [database] };
    return reasons.length === 0 ? { ...report, state: 'up' } : { ...report, state: 'down', reason: reasons.join('; ') };
  };
}

/** One list of a service and its dependencies. */
export function listed({ dependencies, ...service }: ServiceReport): HealthReport[] {
  return [service, ...dependencies];
}

export interface Dependency {
  /** Asks it for something; rejects when there is no answer. */
  readonly ping: () => Promise<unknown>;
  /** What is known to be wrong with it, though it may answer. */
  readonly reason?: () => string | undefined;
  /** What it is when it cannot be used; `degraded` unless given. */
  readonly stateWithout?: 'down' | 'degraded';
}

/** How long an answer of a dependency is waited for. Less than whoever asks for the health of all waits. */
const pingMsMax = 1_000;

/** Looks at a dependency and measures how long it takes to answer. One that hangs is asked once, however many look at it. */
export function createLook(name: string, { ping, reason, stateWithout = 'degraded' }: Dependency) {
  let asked: Promise<string | undefined> | undefined;
  const ask = () => {
    asked ??= ping()
      .then(
        () => undefined,
        (error: unknown) => `it cannot be reached (${codeOf(error)})`,
      )
      .finally(() => {
        asked = undefined;
      });
    return asked;
  };
  return async (): Promise<HealthReport> => {
    const startedAtMs = performance.now();
    const silence = sleep(pingMsMax, `it does not answer within ${pingMsMax} ms`, { ref: false });
    const unanswered = await Promise.race([ask(), silence]);
    const problem = reason?.() ?? unanswered;
    const report = { name, latencyMs: sinceMs(startedAtMs) };
    return problem === undefined ? { ...report, state: 'up' } : { ...report, state: stateWithout, reason: problem };
  };
}

const sinceMs = (startedAtMs: number) => Math.round((performance.now() - startedAtMs) * 100) / 100;

/** The code at the root of an error: its text may name hosts, and anybody may read this. */
function codeOf(error: unknown): string {
  let code = 'no answer';
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++)
    code = (at as NodeJS.ErrnoException).code ?? code;
  return code;
}

export interface ProcessHealth {
  readonly version: string;
  /** Each hosted service with its database, and each thing they all need. */
  readonly look: () => Promise<readonly HealthReport[]>;
  /** The hosted services alone, which is what readiness goes by: nothing else keeps them from taking requests. */
  readonly lookAtServices: () => Promise<readonly HealthReport[]>;
  readonly isDraining: () => boolean;
}

/**
 * Answers the probes of whoever runs this process: `/health/live` whether it runs, whatever is wrong with others; `/health/ready` whether it takes
 * requests; `/health` why. True when the request was one of them.
 */
export function answerProbes(health: ProcessHealth): (request: IncomingMessage, response: ServerResponse) => boolean {
  return ({ method, url }, response) => {
    const answer = method === 'GET' || method === 'HEAD' ? probes[url ?? ''] : undefined;
    if (answer === undefined) return false;
    answer(health).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(`${JSON.stringify(body)}\n`);
      },
      () => response.writeHead(503).end(),
    );
    return true;
  };
}

type Probe = (health: ProcessHealth) => Promise<{ readonly status: number; readonly body: object }>;

/** Why a process takes no requests now; nothing when it does. */
export async function unreadiness({ lookAtServices, isDraining }: ProcessHealth): Promise<string[]> {
  const reasons = (await lookAtServices())
    .filter(({ state }) => state === 'down')
    .map(({ name, reason }) => `${name}: ${reason ?? 'down'}`);
  return isDraining() ? ['draining', ...reasons] : reasons;
}

const ready: Probe = async (health) => {
  const reasons = await unreadiness(health);
  const isReady = reasons.length === 0;
  return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not-ready', reasons } };
};

const probes: Readonly<Record<string, Probe>> = {
  '/health/live': async () => ({ status: 200, body: { status: 'live' } }),
  '/health/ready': ready,
  '/ready': ready,
  '/health': async ({ look, version }) => {
    const services = await look();
    const worst = (['down', 'degraded'] as const).find((bad) => services.some(({ state }) => state === bad)) ?? 'up';
    const { rss, heapUsed } = process.memoryUsage();
    const body = {
      status: worst,
      version,
      uptimeS: Math.round(process.uptime() * 10) / 10,
      memory: { residentBytes: rss, heapUsedBytes: heapUsed },
      services,
    };
    return { status: worst === 'down' ? 503 : 200, body };
  },
};
