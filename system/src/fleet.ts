import { hostname } from 'node:os';
import { type Environment, readSettings, setting } from '@stoa/platform/config';
import { createDiscovery, discoverySettings } from '@stoa/platform/discovery';
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
  readonly parts: Pick<RunOptions, 'fleet' | 'broker'>;
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
    const fleet = options.isWhole ? undefined : await openNeighbours(options, closing);
    return { parts: { ...(broker && { broker }), ...(fleet && { fleet }) }, close };
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

async function openNeighbours({ environment, hosted, log }: FleetOptions, closing: (() => Promise<void> | void)[]) {
  const { STOA_INTERNAL_HOST: host, STOA_ADVERTISE_HOST, STOA_DRAIN_GRACE: graceMs } = readSettings(environment, described);
  const trust = await openTrust(readSettings(environment, trustSettings), { hosted, log });
  closing.push(() => trust.close());
  const discovery = await createDiscovery(readSettings(environment, discoverySettings), {
    log,
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

const described = {
  STOA_INTERNAL_HOST: setting.text({ default: '127.0.0.1', describe: 'Where services listen for other processes' }),
  STOA_ADVERTISE_HOST: setting.optional(setting.text({ describe: 'The host name by which others reach this process' })),
  STOA_DRAIN_GRACE: setting.durationMs({
    default: 500,
    max: 60_000,
    describe: 'How long a service that is told to stop still answers before its door closes',
  }),
};
