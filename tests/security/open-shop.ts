import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import { openShop } from '@stoa/system';

type Shop = Awaited<ReturnType<typeof openShop>>;

/** A whole shop inside the test's own process, so that its databases and its memory can be looked at. */
export interface ShopHere {
  readonly url: string;
  readonly port: number;
  readonly admin: { readonly email: string; readonly password: string };
  /** Asks the database of one service. */
  query<R extends object>(service: string, sql: string, parameters?: readonly unknown[]): Promise<R[]>;
  readonly serviceNames: readonly string[];
  close(): Promise<void>;
}

const admin = { email: 'admin@shop.example', password: 'correct horse battery' };

/** Opens an empty shop in a folder of its own. */
export async function openShopHere(environment: Readonly<Record<string, string>> = {}): Promise<ShopHere> {
  const dataDir = await mkdtemp(join(tmpdir(), 'stoa-security-'));
  const shop: Shop = await openShop({
    demo: false,
    environment: {
      STOA_HOST: '127.0.0.1',
      PORT: '0',
      STOA_METRICS_PORT: '0',
      STOA_DATA_DIR: dataDir,
      STOA_RATE_LIMITS: 'off',
      STOA_LOG_LEVEL: process.env.STOA_LOG_LEVEL ?? 'silent',
      STOA_ADMIN_EMAIL: admin.email,
      STOA_ADMIN_PASSWORD: admin.password,
      ...environment,
    },
  });
  const port = Number(new URL(shop.url).port);
  const databases = new Map([...shop.running.services].map(([name, { service }]) => [name, service.db]));
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    admin,
    serviceNames: [...databases.keys()],
    query: async <R extends object>(service: string, sql: string, parameters: readonly unknown[] = []) => {
      const database = databases.get(service);
      if (!database) throw new Error(`no service is called ${service}`);
      return database.query<R>(sql, [...parameters]);
    },
    async close() {
      await shop.stop(5_000);
      await stopEmbeddedPostgres(dataDir);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
