import type { Sql } from '@stoa/platform/sql';

export interface Generations {
  readonly live: number;
  /** The one that a rebuild fills. */
  readonly building: number | null;
}

/**
 * The generations that new facts belong in. Holds them as they are until the transaction ends, so that a rebuild begins or ends between
 * two transactions of the live fold and never within one.
 */
export async function holdGenerations(sql: Sql): Promise<Generations> {
  const [generations] = await sql.query<Generations>('select live, building from projection for share');
  return generations as Generations;
}

/** The same, alone: waits for every transaction of the live fold that is under way, and keeps new ones waiting. */
async function lockGenerations(sql: Sql): Promise<Generations> {
  const [generations] = await sql.query<Generations>('select live, building from projection for update');
  return generations as Generations;
}

/** Begins a rebuild of all that the log holds now; one that is under way goes on. Returns its generation. */
export async function beginRebuild(sql: Sql): Promise<number> {
  const { live, building } = await lockGenerations(sql);
  if (building !== null) return building;
  const generation = live + 1;
  await sql.query('update projection set building = $1', [generation]);
  await sql.query('insert into rebuild (generation, until_position) select $1, coalesce(max(position), 0) from heard', [
    generation,
  ]);
  return generation;
}

export interface Rebuild {
  readonly generation: number;
  readonly untilPosition: number;
  readonly foldedPosition: number;
}

/** The rebuild under way, locked; undefined when there is none, or another process is at it. */
export async function takeRebuild(sql: Sql): Promise<Rebuild | undefined> {
  const [rebuild] = await sql.query<Rebuild>(
    `select generation, until_position as "untilPosition", folded_position as "foldedPosition"
     from rebuild for update skip locked`,
  );
  return rebuild;
}

export async function advanceRebuild(sql: Sql, generation: number, foldedPosition: number): Promise<void> {
  await sql.query('update rebuild set folded_position = $2 where generation = $1', [generation, foldedPosition]);
}

/** Has the rebuilt generation read from now on. */
export async function endRebuild(sql: Sql, generation: number): Promise<void> {
  await lockGenerations(sql);
  await sql.query('update projection set live = $1, building = null', [generation]);
  await sql.query('delete from rebuild where generation = $1', [generation]);
}

const factTables = ['order_fact', 'order_line_fact', 'refund_fact', 'customer_fact'] as const;

/** Removes up to `limit` rows a table of generations that nobody reads any more; says whether there may be more. */
export async function sweepGenerations(sql: Sql, limit: number): Promise<boolean> {
  const removed = await Promise.all(
    factTables.map(
      async (table) =>
        await sql.query<{ generation: number }>(
          `delete from ${table} where ctid = any(array(
             select ctid from ${table} where generation < (select live from projection) limit $1
           )) returning generation`,
          [limit],
        ),
    ),
  );
  return removed.some((rows) => rows.length === limit);
}
