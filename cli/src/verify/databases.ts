import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '@stoa/platform/config';
import pg from 'pg';
import { cliError } from '../cli-error.ts';
import { dataDirOf, isThisMachine } from '../shop/credentials.ts';

export const databaseNames = ['order', 'inventory', 'payment', 'shipping', 'analytics'] as const;
export type DatabaseName = (typeof databaseNames)[number];

/** Read-only looks at the services' databases, each a snapshot of one moment. */
export interface Databases {
  readonly of: Readonly<Record<DatabaseName, Look>>;
  /** Begins anew, so that the next looks see what has been written since. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface Look {
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

const begin = 'begin isolation level repeatable read read only';

/** bigint as numbers: sums of trade stay far below 2^53. */
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
      ? Number
      : pg.types.getTypeParser(oid, format as 'text'),
};

/**
 * Opens the databases that the environment names, or those of the embedded server in the data directory when the shop is on this machine. Undefined
 * when there are none to be reached.
 */
export async function openDatabases(environment: Environment, shopUrl: URL): Promise<Databases | undefined> {
  const urls = await databaseUrls(environment, shopUrl);
  if (!urls) return undefined;
  const clients = new Map<DatabaseName, pg.Client>();
  try {
    for (const name of databaseNames) {
      const client = new pg.Client({
        connectionString: urls.of[name],
        // While one database is looked through, the looks at the others stand still.
        options: '-c default_transaction_read_only=on -c idle_in_transaction_session_timeout=0',
        types,
      });
      client.on('error', () => undefined);
      await client.connect();
      clients.set(name, client);
      await client.query(begin);
    }
  } catch (error) {
    await closeAll(clients);
    await urls.close();
    throw cliError('unavailable', `A database cannot be reached: ${(error as Error).message}`, { cause: error });
  }
  const look = (name: DatabaseName): Look => ({
    query: async <R extends object>(text: string, values: readonly unknown[] = []) =>
      (await (clients.get(name) as pg.Client).query<R & pg.QueryResultRow>(text, [...values])).rows,
  });
  return {
    of: each(look),
    async refresh() {
      for (const client of clients.values()) {
        await client.query('commit');
        await client.query(begin);
      }
    },
    async close() {
      await closeAll(clients);
      await urls.close();
    },
  };
}

async function closeAll(clients: ReadonlyMap<DatabaseName, pg.Client>): Promise<void> {
  for (const client of clients.values()) await client.end().catch(() => undefined);
}

interface Urls {
  readonly of: Readonly<Record<DatabaseName, string>>;
  close(): Promise<void>;
}

async function databaseUrls(environment: Environment, shopUrl: URL): Promise<Urls | undefined> {
  const named = (name: DatabaseName) => environment[`STOA_${name.toUpperCase()}_DATABASE_URL`];
  const missing = databaseNames.filter((name) => !named(name));
  if (missing.length === 0) return { of: each((name) => named(name) as string), close: async () => undefined };
  if (missing.length < databaseNames.length) {
    throw cliError(
      'usage',
      `Name all databases or none: ${missing.map((name) => `STOA_${name.toUpperCase()}_DATABASE_URL`).join(', ')} are not set.`,
    );
  }
  const dataDir = dataDirOf(environment);
  if (!isThisMachine(shopUrl) || !(await exists(join(dataDir, 'postgres.log')))) return undefined;
  const { startEmbeddedPostgres } = await import('@stoa/platform/embedded');
  const server = await startEmbeddedPostgres({ dataDir, port: 'last' });
  const urls = new Map<DatabaseName, string>();
  for (const name of databaseNames) urls.set(name, await server.ensureDatabase(name));
  return {
    of: each((name) => urls.get(name) as string),
    // The last of its users stops it; a shop may have come or gone meanwhile.
    close: () => server.leave(),
  };
}

function each<T>(of: (name: DatabaseName) => T): Record<DatabaseName, T> {
  return Object.fromEntries(databaseNames.map((name) => [name, of(name)])) as Record<DatabaseName, T>;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
