import type { Sql } from '../sql/index.ts';

/** A message that is not going on by itself. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly status: 'dead' | 'parked';
  readonly attempts: number;
  readonly reason: string | null;
  readonly body: object;
  readonly arrivedAt: string;
  readonly diedAt: string;
}

/** Dead and parked messages, the oldest first. */
export function listDeadLetters(
  sql: Sql,
  { limit, afterSeq }: { limit: number; afterSeq: number },
): Promise<(DeadLetter & { seq: number })[]> {
  return sql.query(
    `select seq, id, type, key, status, attempts, reason, body, arrived_at as "arrivedAt", changed_at as "diedAt"
    from kit.inbox where status <> 'waiting' and seq > $2 order by seq limit $1`,
    [limit, afterSeq],
  );
}

/** The type of what arrived and is no message. */
export const undecodableType = 'undecodable';

/** Puts dead messages back to be tried again from the first attempt. What could never be read as a message stays dead. Returns how many. */
export async function redrive(sql: Sql, ids: readonly string[] | 'all'): Promise<number> {
  const rows = await sql.query(
    `update kit.inbox set status = 'waiting', attempts = 0, due_at = clock_timestamp(), changed_at = clock_timestamp()
    where status = 'dead' and type <> $2 and ($1::uuid[] is null or id = any($1)) returning id`,
    [ids === 'all' ? null : ids, undecodableType],
  );
  return rows.length;
}

/**
 * Gives dead messages up: they are marked as if they had taken effect, and what waits behind them goes on. Each is returned once more, so that the caller
 * can log it with the reason.
 */
export function skip(
  sql: Sql,
  ids: readonly string[],
): Promise<{ id: string; type: string; key: string; body: object }[]> {
  return sql.query(
    `with gone as (delete from kit.inbox where status in ('dead', 'parked') and id = any($1::uuid[]) returning id, type, key, body),
    marked as (insert into kit.mark (id) select id from gone on conflict (id) do nothing)
    select id, type, key, body from gone`,
    [ids],
  );
}
