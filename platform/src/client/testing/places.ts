import { pino } from 'pino';
import { readSettings } from '../../config/index.ts';
import { createDiscovery, discoverySettings } from '../../discovery/index.ts';
import { openTrust, trustSettings } from '../../trust/index.ts';
import type { RemoteOptions } from '../index.ts';

const log = pino({ level: 'silent' });

/** Services at fixed addresses, several of them for replicas; proof by a shared secret. */
export async function placesOf(urls: Readonly<Record<string, readonly string[]>>): Promise<RemoteOptions> {
  const environment: Record<string, string> = { STOA_SERVICE_SECRET: 'a secret that only tests need to know' };
  for (const [service, replicas] of Object.entries(urls)) {
    environment[`STOA_${service.toUpperCase()}_URL`] = replicas.join(',');
  }
  const settings = readSettings(environment, { ...discoverySettings, ...trustSettings });
  const discovery = await createDiscovery(settings, { log, environment, defaultUrl: () => 'http://127.0.0.1:1' });
  return { discovery, trust: await openTrust(settings, { hosted: ['order'], log }) };
}
