import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Service, ServiceDefinition } from './definition.ts';
import type { HealthReport } from './edge.ts';

/** How a service is: its database, and what it says of itself. */
export async function healthOf(definition: ServiceDefinition<never>, service: Service<never>): Promise<HealthReport> {
  const startedAtMs = performance.now();
  const reasons: string[] = [];
  try {
    await service.db.query('select 1', []);
  } catch {
    reasons.push('its database cannot be reached');
  }
  reasons.push(...((await definition.unready?.(service).catch(() => ['it could not be asked'])) ?? []));
  const latencyMs = Math.round((performance.now() - startedAtMs) * 10) / 10;
  return reasons.length === 0
    ? { name: service.name, state: 'up', latencyMs }
    : { name: service.name, state: 'down', latencyMs, reason: reasons.join('; ') };
}

export interface ProcessHealth {
  readonly version: string;
  /** Each hosted service and each thing they all need. */
  readonly look: () => Promise<readonly HealthReport[]>;
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

const ready: Probe = async ({ look, isDraining }) => {
  const reasons = (await look())
    .filter(({ state }) => state === 'down')
    .map(({ name, reason }) => `${name}: ${reason ?? 'down'}`);
  if (isDraining()) reasons.unshift('draining');
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
