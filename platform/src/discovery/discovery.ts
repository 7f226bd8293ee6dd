import type { Environment } from '../config/index.ts';
import { fault } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type Clock, systemClock } from '../time/index.ts';
import { openConsulSource } from './consul-source.ts';
import { createDnsSource } from './dns-source.ts';
import { type Lease, Pool } from './pool.ts';
import type { DiscoverySettings } from './settings.ts';
import type { Instance, Registration, Source, Watch } from './source.ts';
import { createStaticSource } from './static-source.ts';

/** An instance of a service, for one call. */
export type Endpoint = Lease;

export interface EndpointState {
  readonly url: string;
  /** Whether it failed so often that it gets no calls for now, or one at a time on trial. */
  readonly ejected: boolean;
  readonly inFlight: number;
}

/** Where services are. */
export interface Discovery {
  /**
   * The next instance to call: of two random ones that are not ejected, the one with fewer calls in flight. `avoid` is a URL that is passed
   * over when there is another. Never waits: it answers from the last list that is known.
   *
   * @throws AppError `service.unavailable` when no instance is known
   * @example
   * const endpoint = discovery.acquire('order');
   * try { await ask(endpoint.url); endpoint.done('ok'); } catch (error) { endpoint.done('failed'); throw error; }
   */
  acquire(service: string, avoid?: string): Endpoint;
  /** When the first look for a service has ended, whatever it found. Never rejects. */
  ready(service: string): Promise<void>;
  /**
   * Makes an instance of ours known to others. Where they find it by other means, this does nothing.
   *
   * @throws AppError `config.invalid` when the registry refuses it, `service.unavailable` when the registry cannot be reached
   */
  register(instance: Instance): Promise<Registration>;
  /** What is known of a service, for health and metrics. */
  endpoints(service: string): readonly EndpointState[];
  /** Why the list of a service may be out of date; undefined when it is not. */
  problem(service: string): string | undefined;
  /** Asks the registry for something and waits for the answer; rejects when there is none. Where there is no registry it resolves at once. */
  ping(): Promise<void>;
  /** Stops watching, and deregisters what is still registered. */
  close(): Promise<void>;
}

export interface DiscoveryOptions {
  readonly log: Logger;
  /** Holds `STOA_<SERVICE>_URL`. */
  readonly environment: Environment;
  /** The URL of a service that no setting names; its protocol holds for instances found by DNS and Consul too. */
  readonly defaultUrl: (service: string) => string;
  /** Services that are looked for at once, so that wrong settings end the start; others are when they are first asked for. */
  readonly services?: readonly string[];
  /** How long the start waits for a registry that cannot be reached; 10 s unless given. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
  /** From 0 up to 1; Math.random unless given. */
  readonly random?: () => number;
}

interface Watched {
  readonly pool: Pool;
  readonly watch: Watch;
}

/**
 * Finds services as `STOA_DISCOVERY` says.
 *
 * @throws AppError `config.invalid` for settings that cannot be meant, `service.unavailable` for a registry that cannot be reached
 */
export async function createDiscovery(settings: DiscoverySettings, options: DiscoveryOptions): Promise<Discovery> {
  const { clock = systemClock, random = Math.random } = options;
  const source = await openSource(settings, options);
  const watched = new Map<string, Watched>();

  function know(service: string): Watched {
    let known = watched.get(service);
    if (known === undefined) {
      const pool = new Pool({ clock, random });
      known = { pool, watch: source.watch(service, (urls) => pool.replace(urls)) };
      known.watch.first.catch(() => undefined);
      watched.set(service, known);
    }
    return known;
  }

  const close = async () => {
    for (const { watch } of watched.values()) watch.stop();
    await source.close();
  };

  try {
    await Promise.all((options.services ?? []).map((service) => know(service).watch.first));
  } catch (error) {
    await close();
    throw error;
  }

  return {
    acquire(service, avoid) {
      const endpoint = know(service).pool.acquire(avoid);
      if (endpoint === undefined)
        throw fault('service.unavailable', `No instance of ${service} is known.`, { retryAfterS: 1 });
      return endpoint;
    },
    ready: async (service) => know(service).watch.first.catch(() => undefined),
    register: async (instance) => source.register?.(instance) ?? { deregister: async () => undefined },
    endpoints: (service) => know(service).pool.list(),
    problem: (service) => know(service).watch.problem(),
    ping: async () => void (await source.ping?.()),
    close,
  };
}

async function openSource(settings: DiscoverySettings, options: DiscoveryOptions): Promise<Source> {
  const { log, defaultUrl } = options;
  const protocolOf = (service: string) => new URL(defaultUrl(service)).protocol;
  switch (settings.STOA_DISCOVERY) {
    case 'static':
      return createStaticSource(options);
    case 'dns':
      return createDnsSource(settings, { log, protocolOf });
    case 'consul':
      return openConsulSource({
        url: settings.STOA_CONSUL_URL,
        token: settings.STOA_CONSUL_TOKEN,
        log,
        protocolOf,
        ...(options.patienceMs !== undefined && { patienceMs: options.patienceMs }),
      });
  }
}
