import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres, stopEmbeddedPostgres } from '../embedded/index.ts';

/** A database of one test. */
export interface TestDatabase {
  readonly url: string;
  /** Drops it, cutting whoever is still connected. */
  drop(): Promise<void>;
}

const leftoverAgeSecondsMax = 3600;
const namePattern = /^test_.*_([0-9a-f]{8})[0-9a-f]{8}$/;

/**
 * A fresh empty database for one test file, on the test server: `STOA_TEST_POSTGRES_URL` (an administrator's URL) when it is set, else
 * an embedded server that all test processes of this user share and that goes on running until `stopTestPostgres`.
 * Databases of killed tests are dropped when they are an hour old.
 *
 * @param name goes into the database's name, to be recognised in `psql`
 * @example
 * const database = await testDatabase('order');
 * after(() => database.drop());
 */
export async function testDatabase(name = 'database'): Promise<TestDatabase> {
  const admin = await adminUrl();
  const bornAt = Math.floor(Date.now() / 1000)
    .toString(16)
    .padStart(8, '0');
  const label = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 30);
  const database = `test_${label}_${bornAt}${randomBytes(4).toString('hex')}`;
  await withAdmin(admin, async (client) => {
    await dropLeftovers(client);
    await client.query(`create database ${database} template template0`);
  });
  const url = new URL(admin);
  url.pathname = `/${database}`;
  return {
    url: url.href,
    drop: () => withAdmin(admin, (client) => drop(client, database)),
  };
}

/** Stops the shared embedded test server. For the runner, after the last test; does nothing when there is none. */
export async function stopTestPostgres(): Promise<void> {
  await stopEmbeddedPostgres(testDataDir());
}

function testDataDir(): string {
  return join(tmpdir(), `stoa-test-postgres-${process.getuid?.() ?? 0}`);
}

async function adminUrl(): Promise<string> {
  const given = process.env.STOA_TEST_POSTGRES_URL;
  if (given) return given;
  // Many test files run side by side, each with pools of its own.
  const server = await startEmbeddedPostgres({ dataDir: testDataDir(), settings: { max_connections: '400' } });
  return server.adminUrl;
}

async function withAdmin(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function dropLeftovers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where datname like 'test\\_%'",
  );
  for (const { datname } of rows) {
    const born = namePattern.exec(datname)?.[1];
    if (born && Date.now() / 1000 - Number.parseInt(born, 16) > leftoverAgeSecondsMax) await drop(client, datname);
  }
}

async function drop(client: pg.Client, database: string): Promise<void> {
  await client.query(`drop database if exists ${pg.escapeIdentifier(database)} with (force)`);
}
