import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '@stoa/platform/config';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { openShop } from '@stoa/system';
import { runCommandLine } from '../program.ts';

/** A whole shop on databases of its own, and the command line that looks after it. */
export interface HostedShop {
  readonly environment: Environment;
  urlOf(service: string): string;
  /** Runs one command line; data and what was told apart. */
  stoa(...args: string[]): Promise<{ code: number; out: string; told: string }>;
  close(): Promise<void>;
}

const services = ['user', 'product', 'order', 'payment', 'inventory', 'shipping', 'notification', 'analytics'];

export async function hostShop(name: string): Promise<HostedShop> {
  const dataDir = await mkdtemp(join(tmpdir(), 'stoa-cli-'));
  const databases = new Map<string, TestDatabase>();
  for (const service of services) databases.set(service, await testDatabase(`${name} ${service}`));
  const urls = Object.fromEntries([...databases].map(([service, { url }]) => [`STOA_${service.toUpperCase()}_DATABASE_URL`, url]));
  const asked: Environment = { ...urls, STOA_DATA_DIR: dataDir, PORT: '0', STOA_METRICS_PORT: '0', STOA_LOG_LEVEL: 'silent', STOA_TEST_MODE: '1' };
  const shop = await openShop({ environment: asked, demo: false });
  const environment = { ...asked, STOA_URL: shop.url };
  return {
    environment,
    urlOf: (service) => (databases.get(service) as TestDatabase).url,
    async stoa(...args) {
      let [out, told] = ['', ''];
      const surroundings = { environment, write: (text: string) => void (out += text), tell: (text: string) => void (told += text) };
      const code = await runCommandLine(args, surroundings);
      return { code, out, told };
    },
    async close() {
      await shop.stop();
      for (const database of databases.values()) await database.drop();
      await rm(dataDir, { recursive: true });
    },
  };
}
