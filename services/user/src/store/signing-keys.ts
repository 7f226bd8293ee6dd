import type { Sql } from '@stoa/platform/sql';

/** Every signing key as the kit wrote it, oldest first. */
export async function readSigningKeys(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ key: string }>('select key from signing_key order by active_from, kid');
  return rows.map((row) => row.key);
}

/** When the newest key begins to sign, in seconds from now (negative: ago); undefined when there is none. */
export async function newestSigningKeyInS(sql: Sql): Promise<number | undefined> {
  const [newest] = await sql.query<{ inS: number | null }>(
    `select extract(epoch from max(active_from) - now())::float8 as "inS" from signing_key`,
  );
  return newest?.inS ?? undefined;
}

/** Stores a key as the kit wrote it. */
export async function insertSigningKey(sql: Sql, key: string): Promise<void> {
  const { kid, activeFromMs } = JSON.parse(key) as { kid: string; activeFromMs: number };
  await sql.query('insert into signing_key (kid, key, active_from) values ($1, $2, $3)', [
    kid,
    key,
    new Date(activeFromMs).toISOString(),
  ]);
}

export async function deleteSigningKeys(sql: Sql, kids: readonly string[]): Promise<void> {
  if (kids.length > 0) await sql.query('delete from signing_key where kid = any($1)', [kids]);
}
