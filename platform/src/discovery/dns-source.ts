import type { SrvRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fault } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { DiscoverySettings } from './settings.ts';
import type { Source } from './source.ts';
import { Trouble } from './trouble.ts';

export interface DnsSourceOptions {
  readonly log: Logger;
  readonly protocolOf: (service: string) => string;
}

type DnsSettings = Pick<DiscoverySettings, 'STOA_DNS_DOMAIN' | 'STOA_DNS_SERVERS' | 'STOA_DNS_INTERVAL'>;

const queryMsMax = 1_000;
const queryTries = 2;
/** How soon a look that found nothing is repeated, when nothing is known yet. */
const againMs = 500;

/**
 * Instances by SRV records, as Kubernetes has them for the pods of a headless service, and Consul for all services. They are looked up
 * again and again: DNS tells nobody of changes. No answer, or one without records, changes nothing once there were some: it is more often the
 * resolver that is restarting than every instance that is gone.
 *
 * Of the records, those with the lowest priority count, all alike: weights are for those who do not see how busy an instance is.
 * Consul gives three records at most by UDP (`udp_answer_limit`): with more replicas ask it by its own API.
 *
 * @throws AppError `config.invalid` without a domain, or with a resolver that is not an address
 */
export function createDnsSource(settings: DnsSettings, { log, protocolOf }: DnsSourceOptions): Source {
  const domain = settings.STOA_DNS_DOMAIN;
  if (domain === undefined)
    throw fault(
      'config.invalid',
      'STOA_DNS_DOMAIN: must be given with STOA_DISCOVERY=dns, like shop.svc.cluster.local',
    );
  const resolver = openResolver(settings.STOA_DNS_SERVERS);
  const closing = new AbortController();

  return {
    watch(service, hear) {
      const stopping = new AbortController();
      const signal = AbortSignal.any([closing.signal, stopping.signal]);
      const trouble = new Trouble(log, service);
      const name = srvName(domain, service);
      let isKnown = false;

      async function look(): Promise<void> {
        try {
          const hosts = await lookUp(resolver, name);
          if (signal.aborted) return;
          trouble.tell(hosts.length === 0 ? `there are no SRV records ${name}` : undefined);
          if (hosts.length === 0) return;
          isKnown = true;
          hear(hosts.map((host) => `${protocolOf(service)}//${host}`));
        } catch (error) {
          if (!signal.aborted) trouble.tell(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }

      const first = look();
      void (async () => {
        await first;
        while (!signal.aborted) {
          const intervalMs = isKnown ? settings.STOA_DNS_INTERVAL : Math.min(againMs, settings.STOA_DNS_INTERVAL);
          await pause(intervalMs, undefined, { signal }).catch(() => undefined);
          if (!signal.aborted) await look();
        }
      })();
      const stop = () => {
        stopping.abort();
        trouble.close();
      };
      return { first, problem: () => trouble.reason, stop };
    },
    ping: () => orNone(resolver.resolveSrv(srvName(domain, 'gateway'))),
    async close() {
      closing.abort();
      resolver.cancel();
    },
  };
}

function openResolver(servers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: queryMsMax, tries: queryTries });
  if (servers.length === 0) return resolver;
  try {
    resolver.setServers(servers);
  } catch (error) {
    const got = JSON.stringify(servers.join(','));
    throw fault('config.invalid', `STOA_DNS_SERVERS: must be addresses like 10.0.0.2 or 10.0.0.2:8600, got ${got}`, {
      cause: error,
    });
  }
  return resolver;
}

/** `shop.svc.cluster.local` and `stoa-*.service.consul` as names of one service. */
function srvName(domain: string, service: string): string {
  return domain.includes('*') ? domain.replaceAll('*', service) : `_http._tcp.${service}.${domain}`;
}

/** Addresses with ports; none when the name has no records. */
async function lookUp(resolver: Resolver, name: string): Promise<string[]> {
  const records = await orNone(resolver.resolveSrv(name));
  const priority = Math.min(...records.map((record) => record.priority));
  const preferred = records.filter((record) => record.priority === priority && record.name !== '');
  const hosts = await Promise.all(preferred.map((record) => addressesOf(resolver, record)));
  return hosts.flat();
}

/** By the same resolver: it may know names that the machine's own does not. */
async function addressesOf(resolver: Resolver, { name, port }: SrvRecord): Promise<string[]> {
  const four = await orNone(resolver.resolve4(name));
  if (four.length > 0) return four.map((address) => `${address}:${port}`);
  const six = await orNone(resolver.resolve6(name));
  return six.map((address) => `[${address}]:${port}`);
}

async function orNone<T>(asked: Promise<T[]>): Promise<T[]> {
  try {
    return await asked;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}
