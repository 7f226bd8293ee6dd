import type { Discovery } from '../discovery/index.ts';
import type { Metrics, Sample } from '../telemetry/index.ts';
import type { Clock } from '../time/index.ts';
import type { Certificate } from '../trust/index.ts';
import type { HostedService } from './host-service.ts';

/** Instances of services in other processes, as this process knows them. */
export function measureEndpoints(metrics: Metrics, discovery: Discovery, services: readonly string[]): void {
  metrics.gauge('stoa_endpoints', 'Known instances of a service in other processes', ['service', 'state'], () =>
    services.flatMap((service) => {
      const known = discovery.endpoints(service);
      const ejected = known.filter((endpoint) => endpoint.ejected).length;
      return Object.entries({ used: known.length - ejected, ejected }).map(([state, value]) => ({
        labels: { service, state },
        value,
      }));
    }),
  );
}

/** How long our certificate still lasts. */
export function measureCertificate(metrics: Metrics, certificate: Certificate, clock: Clock): void {
  metrics.gauge(
    'stoa_certificate_expires_seconds',
    'Time until the certificate of this process ends; below 0 when it has',
    [],
    () => [{ labels: {}, value: (certificate.expiresAtMs() - clock.nowMs()) / 1_000 }],
  );
}

/** Use and lag of what a service works with, asked for whenever the metrics are read. */
export function measureServices(metrics: Metrics, services: ReadonlyMap<string, HostedService>): void {
  const each = async (
    read: (service: HostedService) => Promise<readonly Sample[]> | readonly Sample[],
  ): Promise<Sample[]> => {
    const samples = await Promise.allSettled([...services.values()].map(async (service) => read(service)));
    return samples.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  };

  metrics.gauge(
    'stoa_database_connections',
    'Connections of a service by state; callers waiting for one',
    ['service', 'state'],
    () =>
      each(({ service }) => {
        const { total, idle, waiting } = service.db.usage;
        return Object.entries({ used: total - idle, idle, waiting }).map(([state, value]) => ({
          labels: { service: service.name, state },
          value,
        }));
      }),
  );
  metrics.gauge('stoa_database_statements_total', 'SQL statements sent since the start', ['service'], () =>
    each(({ service }) => [{ labels: { service: service.name }, value: service.db.usage.statements }]),
  );
  metrics.gauge('stoa_outbox_messages', 'Messages committed and not yet handed over', ['service'], () =>
    each((hosted) => count(hosted, 'select count(*) as count from kit.outbox')),
  );
  metrics.gauge('stoa_outbox_lag_seconds', 'Age of the oldest message that is not yet handed over', ['service'], () =>
    each((hosted) =>
      count(
        hosted,
        'select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as count from kit.outbox',
      ),
    ),
  );
  metrics.gauge('stoa_inbox_messages', 'Messages that wait, are dead or are parked', ['service', 'status'], () =>
    each((hosted) => byStatus(hosted, 'select status, count(*) as count from kit.inbox group by status')),
  );
  metrics.gauge(
    'stoa_inbox_lag_seconds',
    'Time since the oldest message arrived that waits to be handled',
    ['service'],
    () =>
      each((hosted) =>
        count(
          hosted,
          `select coalesce(extract(epoch from clock_timestamp() - min(arrived_at)), 0)::float8 as count from kit.inbox where status = 'waiting'`,
        ),
      ),
  );
  metrics.gauge('stoa_dead_letters', 'Messages that no try could handle', ['service'], () =>
    each((hosted) => count(hosted, `select count(*) as count from kit.inbox where status = 'dead'`)),
  );
  metrics.gauge('stoa_effects', 'Effects outside that have not ended', ['service'], () =>
    each(async (hosted) =>
      hosted.definition.effects ? count(hosted, 'select count(*) as count from kit.effect') : [],
    ),
  );
  metrics.gauge(
    'stoa_sagas',
    'Sagas that have not ended, by status: a stuck one waits for a person',
    ['service', 'status'],
    () =>
      each(async (hosted) =>
        hosted.definition.sagas
          ? byStatus(
              hosted,
              `select status, count(s.id) as count from unnest(array['running', 'compensating', 'stuck']) as status
            left join kit.saga s using (status) group by status`,
            )
          : [],
      ),
  );
}

async function count({ service }: HostedService, text: string): Promise<Sample[]> {
  const [row] = await service.db.query<{ count: number }>(text, []);
  return row ? [{ labels: { service: service.name }, value: row.count }] : [];
}

async function byStatus({ service }: HostedService, text: string): Promise<Sample[]> {
  const rows = await service.db.query<{ status: string; count: number }>(text, []);
  return rows.map((row) => ({ labels: { service: service.name, status: row.status }, value: row.count }));
}
