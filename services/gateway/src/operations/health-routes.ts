import type { Health, ServiceHealth } from '@stoa/contracts/gateway';
import type { EdgeHost, HealthReport } from '@stoa/platform/service';

/** How long one look at everything serves all who ask: probes of a whole cluster cost no more than one. */
const lookMs = 500;

/** What anyone may know. Reasons tell addresses, names and files of the inside: those are for the staff, and for who reaches the metrics port. */
const saidToAnyone = {
  up: undefined,
  degraded: 'It does not work as it should.',
  down: 'It does not answer.',
} as const;

/** Answers whether the process runs, whether it takes requests, and how each part of it is. */
export function healthRoutes(host: EdgeHost, isDraining: () => boolean) {
  let looking: Promise<HealthReport[]> | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  function look(): Promise<HealthReport[]> {
    const nowMs = performance.now();
    if (looking === undefined || nowMs - lookedAtMs > lookMs) {
      lookedAtMs = nowMs;
      looking = host.health();
    }
    return looking;
  }

  async function readiness() {
    const down = (await look()).filter(({ state }) => state === 'down');
    const reasons = down.map(({ name }) => `${name}: down`);
    if (isDraining()) reasons.unshift('gateway: draining');
    const ready = reasons.length === 0;
    return {
      status: ready ? 200 : 503,
      body: { status: ready ? ('ready' as const) : ('not-ready' as const), reasons },
    };
  }

  return {
    getLiveness: async () => ({ body: { status: 'live' as const } }),
    getReadiness: readiness,
    getReadinessShort: readiness,
    async getHealth() {
      const services = (await look()).map(forAnyone);
      const { rss, heapUsed } = process.memoryUsage();
      const body: Health = {
        status: worst(services),
        version: host.version,
        uptimeS: Math.round(process.uptime() * 10) / 10,
        memory: { residentBytes: rss, heapUsedBytes: heapUsed },
        services,
      };
      return { status: body.status === 'down' ? 503 : 200, body };
    },
    async listServices() {
      return { body: { services: (await look()).map(plain) } };
    },
  };
}

function worst(services: readonly ServiceHealth[]): ServiceHealth['state'] {
  if (services.some(({ state }) => state === 'down')) return 'down';
  return services.some(({ state }) => state === 'degraded') ? 'degraded' : 'up';
}

function forAnyone({ name, state, latencyMs }: HealthReport): ServiceHealth {
  const reason = saidToAnyone[state];
  return plain({ name, state, latencyMs, ...(reason !== undefined && { reason }) });
}

function plain({ name, state, latencyMs, reason }: HealthReport): ServiceHealth {
  const health = { name, state, latencyMs: Math.round(latencyMs * 100) / 100 };
  return reason === undefined ? health : { ...health, reason };
}
