import type { AsOf } from '@stoa/contracts/analytics';
import type { Message } from '@stoa/platform/schema';
import { insertRows, insertText, type Sql } from '@stoa/platform/sql';
import type { HeardEvent } from '../domain/fold.ts';

const insertHeard = insertText(
  'heard',
  { event_id: 'uuid', type: 'text', occurred_at: 'timestamptz', payload: 'jsonb' },
  'on conflict (event_id) do nothing returning event_id',
);

/** Appends what the log does not have yet; returns the ids of those. */
export async function appendHeard(sql: Sql, messages: readonly Message[]): Promise<Set<string>> {
  const rows = messages.map((message) => ({
    event_id: message.id,
    type: message.type,
    occurred_at: message.occurredAt,
    payload: withoutWords(message.payload),
  }));
  const added = await insertRows<{ event_id: string }>(sql, insertHeard, rows);
  return new Set(added.map((row) => row.event_id));
}

/** Metadata and reasons are whatever somebody wrote, a name perhaps: no figure needs them, and an erasure could not find them here. */
function withoutWords(payload: unknown): object {
  const { metadata, detail, reason, ...rest } = payload as { metadata?: unknown; detail?: unknown; reason?: unknown };
  return rest;
}

export interface LogEntry extends HeardEvent {
  readonly position: number;
}

/** A piece of the log in its order, after one position up to another. */
export function readLog(sql: Sql, after: number, upTo: number, limit: number): Promise<LogEntry[]> {
  return sql.query<LogEntry>(
    `select position, type, payload from heard
     where position > $1 and position <= $2
     order by position
     limit $3`,
    [after, upTo, limit],
  );
}

/** The newest entry of the log. */
export async function readAsOf(sql: Sql): Promise<AsOf> {
  const [newest] = await sql.query<{ event_id: string; occurred_at: string }>(
    'select event_id, occurred_at from heard order by position desc limit 1',
  );
  return newest ? { eventId: newest.event_id, at: newest.occurred_at } : null;
}
