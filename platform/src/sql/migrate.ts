import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fault } from '../errors/index.ts';
import { crashPoint } from '../lifecycle/index.ts';
import type { Database } from './database.ts';

/** One numbered step of a schema. Forward only; never changed once published. */
export interface Migration {
  /** `0001-orders` */
  readonly name: string;
  readonly text: string;
}

const fileName = /^\d{4}-[a-z0-9-]+\.sql$/;

/** Reads `0001-name.sql` … of a folder, in order. */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const wrong = names.find((name) => !fileName.test(name));
  if (wrong) throw fault('migration.misnamed', `${wrong} must be called like 0001-orders.sql.`);
  return Promise.all(
    names.map(async (name) => ({ name: name.slice(0, -4), text: await readFile(new URL(name, folder), 'utf8') })),
  );
}

const bookkeeping = `
create schema if not exists kit;
create table if not exists kit.migration (
  scope text not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now(),
  primary key (scope, name)
);
create table if not exists kit.schema_reader (scope text primary key, minimum_reader int not null);
`;

/**
 * A process that stands still in a transaction keeps its locks, and whoever waits for them waits with it: for as long as it stands, or for hours where only
 * its machine has gone. The server ends such a transaction after five seconds: none of a service's waits for anything but this database. As a setting of the role it
 * also holds behind a pooler, which takes no such parameter from us. Looked at by each start, because a backup does not hold it. Whoever has set
 * another value is left alone; fifteen seconds are what an earlier version set.
 */
const idleLimit = `
do $$ begin
  if current_setting('idle_in_transaction_session_timeout') in ('0', '15s') then
    execute format('alter role %I in database %I set idle_in_transaction_session_timeout = %L', session_user, current_database(), '5s');
  end if;
end $$`;

/** Reads `-- minimum reader: 3`, which a migration carries when programs that know fewer migrations can no longer run on the schema. */
function minimumReader(migration: Migration): number | undefined {
  const match = /^-- minimum reader: (\d+)$/m.exec(migration.text);
  return match ? Number(match[1]) : undefined;
}

/**
 * Brings one scope (`kit`, or a service's own schema) of a database up to date, all in one transaction under a lock, so that of several starting
 * processes one works and the others wait. Refuses a changed file, and a schema whose minimum reader is newer than this program; a schema that is
 * merely newer is accepted, so that versions N and N+1 run side by side.
 */
export async function migrate(database: Database, scope: string, migrations: readonly Migration[]): Promise<void> {
  await database.transaction(
    async (tx) => {
      await tx.query('select pg_advisory_xact_lock(7305)');
      await tx.query(bookkeeping);
      await tx.query(idleLimit);
      const applied = await tx.query<{ name: string; checksum: string }>(
        'select name, checksum from kit.migration where scope = $1 order by name',
        [scope],
      );
      const [reader] = await tx.query<{ minimum_reader: number }>(
        'select minimum_reader from kit.schema_reader where scope = $1',
        [scope],
      );
      if (reader && reader.minimum_reader > migrations.length) {
        throw fault(
          'migration.too-new',
          `The schema of ${scope} in ${database.name} needs a program that knows ${reader.minimum_reader} migrations; this one knows ${migrations.length}. Start the newer version.`,
        );
      }
      const known = new Map(applied.map((row) => [row.name, row.checksum]));
      for (const migration of migrations) {
        const checksum = createHash('sha256').update(migration.text).digest('hex');
        const before = known.get(migration.name);
        if (before === checksum) continue;
        if (before !== undefined) {
          throw fault(
            'migration.changed',
            `Migration ${migration.name} of ${scope} was changed after it had been applied. Restore the file and add a new migration.`,
          );
        }
        await tx.query(migration.text);
        await tx.query('insert into kit.migration (scope, name, checksum) values ($1, $2, $3)', [
          scope,
          migration.name,
          checksum,
        ]);
        crashPoint('migration.before-commit');
        const minimum = minimumReader(migration);
        if (minimum !== undefined) {
          await tx.query(
            'insert into kit.schema_reader values ($1, $2) on conflict (scope) do update set minimum_reader = excluded.minimum_reader',
            [scope, minimum],
          );
        }
      }
    },
    // A large table is changed for as long as that takes.
    { silenceMsMax: Number.POSITIVE_INFINITY },
  );
}
