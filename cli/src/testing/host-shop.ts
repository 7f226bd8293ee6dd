import { rm } from 'node:fs/promises';
import type { Environment } from '@stoa/platform/config';
import { newDataDir, type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { openShop } from '@stoa/system';
import { runCommandLine } from '../program.ts';

/** Databases and a data directory for one shop. */
export interface ShopEnvironment {
  readonly environment: Environment;
  urlOf(service: string): string;
  close(): Promise<void>;
}

/** A whole shop on databases of its own, and the command line that looks after it. */
export interface HostedShop extends ShopEnvironment {
  /** Runs one command line; data and what was told apart. */
  stoa(...args: string[]): Promise<{ code: number; out: string; told: string }>;
}

const services = ['user', 'product', 'order', 'payment', 'inventory', 'shipping', 'notification', 'analytics'];

export async function shopEnvironment(name: string): Promise<ShopEnvironment> {
  const dataDir = await newDataDir('stoa-cli-');
  const databases = new Map<string, TestDatabase>();
  for (const service of services) databases.set(service, await testDatabase(`${name} ${service}`));
  const urlOf = (service: string) => (databases.get(service) as TestDatabase).url;
  const urls = services.map((service) => [`STOA_${service.toUpperCase()}_DATABASE_URL`, urlOf(service)]);
  const settings = { STOA_DATA_DIR: dataDir, PORT: '0', STOA_METRICS_PORT: '0', STOA_LOG_LEVEL: 'silent' };
  return {
    environment: { ...(Object.fromEntries(urls) as Record<string, string>), ...settings },
    urlOf,
    async close() {
      for (const database of databases.values()) await database.drop();
      await rm(dataDir, { recursive: true });
    },
  };
}

export async function hostShop(name: string): Promise<HostedShop> {
  const given = await shopEnvironment(name);
  const shop = await openShop({ environment: given.environment, demo: false });
  const environment = { ...given.environment, STOA_URL: shop.url };
  return {
    ...given,
    environment,
    async stoa(...args) {
      let out = '';
      let told = '';
      const write = (text: string) => {
        out += text;
      };
      const tell = (text: string) => {
        told += text;
      };
      const code = await runCommandLine(args, { environment, write, tell });
      return { code, out, told };
    },
    async close() {
      await shop.stop();
      await given.close();
    },
  };
}
