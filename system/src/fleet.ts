import { hostname } from 'node:os';
import { openRedis } from '@stoa/platform/cache';
import { type Environment, readSettings, setting } from '@stoa/platform/config';
import { createDiscovery, discoverySettings } from '@stoa/platform/discovery';
import { fault } from '@stoa/platform/errors';
import type { RunOptions } from '@stoa/platform/service';
import type { Logger, Metrics } from '@stoa/platform/telemetry';
import { connectRabbit } from '@stoa/platform/transport';
import { openTrust, trustSettings } from '@stoa/platform/trust';
import { portSetting, ports } from './places.ts';
import { services } from './services.ts';
import type { SystemSettings } from './settings.ts';

export interface FleetOptions {
  readonly environment: Environment;
  readonly settings: SystemSettings;
  /** Names of the services of this process. */
  readonly hosted: readonly string[];
  /** Whether those are all there are: then nobody else is looked for, and no door is opened for others. */
  readonly isWhole: boolean;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What `run` needs to know of the world around this process. */
export interface OpenFleet {
  readonly parts: Pick<RunOptions, 'fleet' | 'broker' | 'redis'>;
  close(): Promise<void>;
}

/**
 * Connects this process with what the environment names: the broker, and the other processes of the shop.
 *
 * @throws AppError `config.invalid` or `service.unavailable` with one line that says what is wrong and what to do
 */
export async function openFleet(options: FleetOptions): Promise<OpenFleet> {
  const closing: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (let end = closing.pop(); end; end = closing.pop()) await end();
  };
  try {
    const broker = await openBroker(options);
    if (broker) closing.push(() => broker.close());
    const redis = await openShared(options);
    if (redis) closing.push(() => redis.close());
    const fleet = options.isWhole ? undefined : await openNeighbours(options, closing);
    return { parts: { ...(broker && { broker }), ...(redis && { redis }), ...(fleet && { fleet }) }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openBroker({ settings, hosted, log, metrics }: FleetOptions) {
  const url = settings.STOA_TRANSPORT;
  if (url === 'local') return undefined;
  const inner = services.filter(({ edge }) => edge === undefined).map(({ name }) => name);
  return connectRabbit({ url, name: `stoa ${hosted.join(' ')}`, services: inner, log, metrics });
}

async function openShared({ settings, hosted, log }: FleetOptions) {
  const url = settings.STOA_REDIS_URL;
  return url === undefined ? undefined : openRedis(url, { log, name: `stoa ${hosted.join(' ')}` });
}

/**
 * The environment with `STOA_DISCOVERY` taken apart: `static:order=http://a:4003,http://b:4003;user=…`, `dns:shop.example`, `consul:http://…`. A bare word
 * stands for the same with the settings of its own.
 *
 * @throws AppError `config.invalid`
 */
export function takeApart(environment: Environment): Environment {
  const text = environment.STOA_DISCOVERY ?? '';
  const [, kind = text, rest = ''] = /^(static|dns|consul):(.*)$/s.exec(text.trim()) ?? [];
  if (rest === '') return { ...environment, STOA_DISCOVERY: kind };
  if (kind === 'dns') return { ...environment, STOA_DISCOVERY: kind, STOA_DNS_DOMAIN: rest };
  if (kind === 'consul') return { ...environment, STOA_DISCOVERY: kind, STOA_CONSUL_URL: rest };
  const urls: Record<string, string> = {};
  for (const part of rest.split(';').filter((word) => word.trim() !== '')) {
    const [service = '', list] = part.split('=').map((word) => word.trim());
    if (!list || !ports.has(service)) {
      throw fault(
        'config.invalid',
        `STOA_DISCOVERY: "${part}" has to be a service and its URLs, like order=http://10.0.0.7:4003,http://10.0.0.8:4003. Services are ${[...ports.keys()].join(', ')}.`,
      );
    }
    const name = `STOA_${service.toUpperCase()}_URL`;
    if (urls[name] !== undefined) {
      throw fault(
        'config.invalid',
        `STOA_DISCOVERY names ${service} twice: put all its URLs after one ${service}=, with commas between them.`,
      );
    }
    urls[name] = list;
  }
  return { ...environment, ...urls, STOA_DISCOVERY: kind };
}

async function openNeighbours(
  { environment: given, hosted, log }: FleetOptions,
  closing: (() => Promise<void> | void)[],
) {
  const environment = takeApart(given);
  const {
    STOA_INTERNAL_HOST: host,
    STOA_ADVERTISE_HOST,
    STOA_DRAIN_GRACE: graceMs,
  } = readSettings(environment, described);
  const trust = await openTrust(readSettings(environment, trustSettings), { hosted, log });
  closing.push(() => trust.close());
  const discovery = await createDiscovery(readSettings(environment, discoverySettings), {
    log,
    environment,
    services: services.filter(({ name, edge }) => edge === undefined && !hosted.includes(name)).map(({ name }) => name),
    defaultUrl: (service) => `${trust.protocol}//127.0.0.1:${ports.get(service)}`,
  });
  closing.push(() => discovery.close());
  const portOf = Object.fromEntries(
    hosted.map((service) => [
      service,
      setting.port({ default: ports.get(service) ?? 0, describe: 'Where a service takes requests of other processes' }),
    ]),
  );
  const listenPorts = readSettings(
    environment,
    Object.fromEntries(Object.entries(portOf).map(([service, port]) => [portSetting(service), port])),
  );
  return {
    discovery,
    trust,
    graceMs,
    listenAt: (service: string) => ({ host, port: listenPorts[portSetting(service)] ?? 0 }),
    advertise(_service: string, url: string) {
      const advertised = new URL(url);
      // Who listens at every address is found by this machine's name: in a container that is the replica's own.
      const everywhere = host === '0.0.0.0' || host === '::';
      advertised.hostname = STOA_ADVERTISE_HOST ?? (everywhere ? hostname() : advertised.hostname);
      return advertised.origin;
    },
  };
}

/** How long a process of a fleet goes on answering once it is told to stop. @throws AppError `config.invalid` */
export function drainGraceMs(environment: Environment): number {
  return readSettings(environment, { STOA_DRAIN_GRACE: described.STOA_DRAIN_GRACE }).STOA_DRAIN_GRACE;
}

const described = {
  STOA_INTERNAL_HOST: setting.text({ default: '127.0.0.1', describe: 'Where services listen for other processes' }),
  STOA_ADVERTISE_HOST: setting.optional(setting.text({ describe: 'The host name by which others reach this process' })),
  STOA_DRAIN_GRACE: setting.durationMs({
    default: 500,
    max: 60_000,
    describe: 'How long a service that is told to stop still answers before its door closes',
  }),
};
