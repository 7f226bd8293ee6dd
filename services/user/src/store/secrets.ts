import type { Sql } from '@stoa/platform/sql';

/** The secret of this name, which is `fresh` the first time it is asked for, in whatever process that is. */
export async function keepSecret(sql: Sql, name: string, fresh: Buffer): Promise<Buffer> {
  await sql.query('insert into secret (name, value) values ($1, $2) on conflict (name) do nothing', [name, fresh]);
  const [kept] = await sql.query<{ value: Buffer }>('select value from secret where name = $1', [name]);
  return (kept as { value: Buffer }).value;
}
