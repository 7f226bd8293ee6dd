import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fault, findAppError } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { ConsulApi } from './consul-api.ts';
import { registerInConsul } from './consul-registration.ts';
import { retryDelayMs, tryFor } from './patience.ts';
import type { Registration, Source, Watch } from './source.ts';
import { Trouble } from './trouble.ts';

export interface ConsulSourceOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly log: Logger;
  readonly protocolOf: (service: string) => string;
  /** How long the start waits for a Consul that cannot be reached or has no leader; 10 s unless given. */
  readonly patienceMs?: number;
  /** How long an empty list has to last to be believed, once there were instances; 30 s unless given. */
  readonly emptyMsMin?: number;
}

interface HealthEntry {
  readonly Node: { readonly Address: string };
  readonly Service: { readonly Address: string; readonly Port: number };
}

/** What a service is called in Consul, where others may live too. */
export const consulName = (service: string): string => `stoa-${service}`;

/** Blocking queries come back by themselves after this long, and a sixteenth more by chance (Consul's own jitter). */
const waitMs = 30_000;
const queryMsMax = waitMs * (1 + 1 / 16) + 5_000;

/**
 * Instances as Consul knows them: those whose check passes, told when that changes by a query that waits. Whatever happens to Consul, the
 * last list holds. An empty one is believed only after it has lasted: a Consul that was restarted without its data is empty too, until
 * every instance has registered again.
 *
 * @throws AppError `service.unavailable` when it cannot be reached or has no leader in time, `config.invalid` when it is no Consul
 */
export async function openConsulSource(options: ConsulSourceOptions): Promise<Source> {
  const { log, patienceMs = 10_000 } = options;
  const api = new ConsulApi(options);
  const registrations = new Set<Registration>();
  const watches = new Set<Watch>();
  await tryFor(patienceMs, () => askLeader(api)).catch(async (error: unknown) => {
    await api.close();
    throw error;
  });

  return {
    watch(service, hear) {
      const watch = watchConsul(api, service, hear, options);
      watches.add(watch);
      return watch;
    },
    async register(instance) {
      const name = consulName(instance.service);
      const { url, problem } = instance;
      // One for all tries: Consul may carry out an earlier one after a later one.
      const mark = randomUUID();
      const registration = await tryFor(patienceMs, () =>
        registerInConsul(api, { name, url, log, mark, ...(problem && { problem }) }),
      );
      registrations.add(registration);
      return {
        async deregister() {
          registrations.delete(registration);
          await registration.deregister();
        },
      };
    },
    ping: () => askLeader(api),
    async close() {
      for (const watch of watches) watch.stop();
      await Promise.allSettled([...registrations].map((registration) => registration.deregister()));
      await api.close();
    },
  };
}

async function askLeader(api: ConsulApi): Promise<void> {
  const { body } = await api.ask('/v1/status/leader');
  if (body === '')
    throw fault('service.unavailable', 'STOA_CONSUL_URL: the Consul servers have no leader: start enough of them');
  // An address and port of its servers.
  if (typeof body !== 'string' || !/:\d+$/.test(body))
    throw fault('config.invalid', 'STOA_CONSUL_URL: what answers there is not Consul');
}

function watchConsul(
  api: ConsulApi,
  service: string,
  hear: (urls: readonly string[]) => void,
  { log, protocolOf, emptyMsMin = 30_000 }: ConsulSourceOptions,
): Watch {
  const stopping = new AbortController();
  const { signal } = stopping;
  const trouble = new Trouble(log, service);
  const path = `/v1/health/service/${encodeURIComponent(consulName(service))}?passing=1`;
  let index = 0;
  let isKnown = false;
  let emptySinceMs: number | undefined;

  async function look(): Promise<void> {
    const wait = Math.min(waitMs, emptyMsMin);
    const answer = await api.ask(`${path}&index=${index}&wait=${wait}ms`, { timeoutMs: queryMsMax, signal });
    // An index that goes back means that Consul has begun anew.
    index = answer.index < index ? 0 : answer.index;
    if (!answer.hasLeader) return trouble.tell('the Consul servers have no leader');
    take((answer.body as readonly HealthEntry[]).map((entry) => urlOf(entry, protocolOf(service))));
  }

  function take(urls: readonly string[]): void {
    if (urls.length === 0) {
      emptySinceMs ??= performance.now();
      trouble.tell('Consul lists no instance whose check passes, or its ACL hides them');
      if (isKnown && performance.now() - emptySinceMs < emptyMsMin) return;
    } else {
      emptySinceMs = undefined;
      trouble.tell(undefined);
    }
    isKnown = urls.length > 0;
    hear(urls);
  }

  async function follow(lookFirst: Promise<void>): Promise<void> {
    let failures = 0;
    for (let looking = lookFirst; ; looking = look()) {
      try {
        await looking;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        trouble.tell(error instanceof Error ? error.message : String(error));
        failures += 1;
        // It may have been restarted without its data: to wait for more than an old index would be to wait in vain.
        index = 0;
        // Nor does a list count as empty for a time in which nobody could be asked.
        emptySinceMs = undefined;
      }
      // Even a Consul in which something changes all the time is asked ten times a second at most.
      await pause(failures > 0 ? retryDelayMs(failures) : 100, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  const lookFirst = look();
  void follow(lookFirst);
  const first = lookFirst.catch((error: unknown) => {
    if (findAppError(error)?.code === 'config.invalid') throw error;
  });
  const stop = () => {
    stopping.abort();
    trouble.close();
  };
  return { first, problem: () => trouble.reason, stop };
}

function urlOf({ Node, Service }: HealthEntry, protocol: string): string {
  const host = Service.Address === '' ? Node.Address : Service.Address;
  return `${protocol}//${host.includes(':') ? `[${host}]` : host}:${Service.Port}`;
}
