import { createHmac } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { adminName } from './cluster.ts';
import type { ServerAddress } from './server-settings.ts';

/** The databases of one server, seen by its administrator. */
export interface Databases {
  readonly adminUrl: string;
  /** Logs in once; throws what the server says against it. */
  check(): Promise<void>;
  /** Makes a database with a role of its own when missing; returns the URL to use it. */
  ensure(name: string): Promise<string>;
  close(): Promise<void>;
}

const namePattern = /^[a-z][a-z0-9_]{0,62}$/;

/** Looks after the databases of a running server. */
export function openDatabases(address: ServerAddress, password: string): Databases {
  const adminUrl = serverUrl(address, adminName, password, adminName);
  const pool = new pg.Pool({ connectionString: adminUrl, max: 3, idleTimeoutMillis: 1000, allowExitOnIdle: true });
  // A server that goes away takes idle connections along; the next query says so.
  pool.on('error', () => undefined);
  return {
    adminUrl,
    async check() {
      await pool.query('select');
    },
    async ensure(name) {
      if (!namePattern.test(name)) throw new Error(`not a name for a database: ${JSON.stringify(name)}`);
      // Derived, so that there is one secret to keep and two processes cannot disagree on it.
      const rolePassword = createHmac('sha256', password).update(`role ${name}`).digest('base64url');
      const admin = await pool.connect();
      let failure: Error | undefined;
      try {
        await ensureDatabase(admin, name, rolePassword);
      } catch (error) {
        failure = error as Error;
        throw error;
      } finally {
        // A session that failed may still hold the lock: it is thrown away.
        admin.release(failure);
      }
      return serverUrl(address, name, rolePassword, name);
    },
    close: () => pool.end(),
  };
}

async function ensureDatabase(admin: pg.PoolClient, name: string, password: string): Promise<void> {
  const lock = ['stoa.embedded', name];
  await admin.query('select pg_advisory_lock(hashtext($1), hashtext($2))', lock);
  const { rows } = await admin.query<{ role: boolean; database: boolean; open: boolean | null }>(
    `select exists (select from pg_roles where rolname = $1) as role,
            exists (select from pg_database where datname = $1) as database,
            (select has_database_privilege('public', oid, 'connect') from pg_database where datname = $1) as open`,
    [name],
  );
  const found = rows[0];
  const quoted = pg.escapeIdentifier(name);
  if (!found?.role) await admin.query(`create role ${quoted} login password ${pg.escapeLiteral(password)}`);
  // Copying by log (the default strategy) made nine databases in 0.4 s; by files, with its checkpoints, in 0.6 s.
  if (!found?.database) await admin.query(`create database ${quoted} owner ${quoted} template template0`);
  if (found?.open !== false) await admin.query(`revoke all on database ${quoted} from public`);
  await admin.query('select pg_advisory_unlock(hashtext($1), hashtext($2))', lock);
}

/** By unix socket when this process can use it, which saves a third of a round trip; else by TCP. */
function serverUrl(address: ServerAddress, role: string, password: string, database: string): string {
  const { port, socketDirectory } = address;
  if (!socketDirectory || !canUse(join(socketDirectory, `.s.PGSQL.${port}`))) {
    return `postgres://${role}:${password}@127.0.0.1:${port}/${database}`;
  }
  // `localhost` only makes it a URL that every parser takes; pg and libpq let the `host` parameter win.
  return `postgres://${role}:${password}@localhost/${database}?host=${encodeURIComponent(socketDirectory)}&port=${port}`;
}

function canUse(socket: string): boolean {
  try {
    accessSync(socket, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
