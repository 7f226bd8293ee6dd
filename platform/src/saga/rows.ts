import type { Cause } from '../schema/index.ts';
import { insertText, type Sql, type Writer, writer } from '../sql/index.ts';
import type { SagaFailure, SagaStatus } from './definition.ts';

/** A row of the saga table, changed in memory and written once at the end of the transaction. */
export interface SagaRow {
  readonly id: string;
  readonly definition: string;
  readonly key: string;
  status: SagaStatus;
  step: string;
  attempt: number;
  readonly input: unknown;
  outputs: Record<string, unknown>;
  failure: SagaFailure | null;
  stuck: { reason: string; from: 'running' | 'compensating' } | null;
  history: [step: string, what: string, atMs: number][];
  readonly cause: Cause;
  /** The steps of all programs that have moved it; null when none of them said. */
  readonly steps: readonly string[] | null;
  /** The same with those of this program, when it has others. */
  widened: readonly string[] | null;
  /** Milliseconds from the commit until somebody looks; null when nobody has to. */
  wakeInMs: number | null;
  /** Moves the total timeout to so many milliseconds from now. */
  endsInMs: number | null;
  /** Milliseconds until the total timeout, by the database's clock; negative once it has passed. */
  leftMs: number;
  /** Whether the time it set itself has come, by the database's clock. */
  readonly due: boolean;
}

const columns = `id, definition, key, status, step, attempt, input, outputs, failure, stuck, history, cause, steps, null as widened,
  (extract(epoch from ends_by - clock_timestamp()) * 1000)::float8 as "leftMs", coalesce(wake_at <= clock_timestamp(), false) as due`;

/** Locks sagas by id, in the order of their ids. */
export function lockSagas(sql: Sql, ids: readonly string[]): Promise<SagaRow[]> {
  return sql.query(`select ${columns} from kit.saga where id = any($1::uuid[]) order by id for update`, [ids]);
}

/** Locks the saga of a key. */
export async function lockSagaOf(sql: Sql, definition: string, key: string): Promise<SagaRow | undefined> {
  const rows = await sql.query<SagaRow>(
    `select ${columns} from kit.saga where definition = $1 and key = $2 for update`,
    [definition, key],
  );
  return rows[0];
}

/** A step of a definition. */
export interface SagaPlace {
  readonly definition: string;
  readonly step: string;
}

/** Ids of sagas whose time has come, the longest waiting first. Only those all of whose steps this program knows. */
export async function dueSagas(sql: Sql, places: readonly SagaPlace[], limit: number): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `select id from kit.saga where status in ('running', 'compensating') and wake_at <= clock_timestamp()
      and (definition, step) in (select * from unnest($1::text[], $2::text[]))
      and not exists (
        select from unnest(steps) as own(step) where (definition, own.step) not in (select * from unnest($1::text[], $2::text[]))
      )
    order by wake_at limit $3`,
    [places.map(({ definition }) => definition), places.map(({ step }) => step), limit],
  );
  return rows.map((row) => row.id);
}

const insert = insertText('kit.saga', {
  id: 'uuid',
  definition: 'text',
  key: 'text',
  status: 'text',
  step: 'text',
  input: 'json',
  outputs: 'json',
  history: 'json',
  cause: 'json',
  steps: 'text[]',
  wake_at: 'timestamptz',
  ends_by: 'timestamptz',
})
  .replace('r."wake_at"', `clock_timestamp() + r."wakeInMs" * interval '1 millisecond'`)
  .replace('r."ends_by"', `clock_timestamp() + r."endsInMs" * interval '1 millisecond'`)
  .replace('"wake_at" timestamptz, "ends_by" timestamptz', '"wakeInMs" float8, "endsInMs" float8');

export const newSagas: Writer<SagaRow> = writer('new sagas', 30, (tx, rows) =>
  tx.query(insert, [JSON.stringify(rows)]),
);

const update = `
update kit.saga s set status = r.status, step = r.step, attempt = r.attempt, outputs = r.outputs, failure = r.failure, stuck = r.stuck,
  history = r.history, wake_at = clock_timestamp() + r."wakeInMs" * interval '1 millisecond',
  ends_by = coalesce(clock_timestamp() + r."endsInMs" * interval '1 millisecond', s.ends_by), steps = coalesce(r.widened, s.steps),
  updated_at = clock_timestamp()
from json_to_recordset($1::json) as r(id uuid, status text, step text, attempt int, outputs json, failure json, stuck json,
  history json, widened text[], "wakeInMs" float8, "endsInMs" float8)
where s.id = r.id`;

export const changedSagas: Writer<SagaRow> = writer('changed sagas', 31, (tx, rows) =>
  tx.query(update, [JSON.stringify([...new Set(rows)].map(changeable))]),
);

/** Input and cause never change: they need not travel. */
function changeable({
  id,
  status,
  step,
  attempt,
  outputs,
  failure,
  stuck,
  history,
  widened,
  wakeInMs,
  endsInMs,
}: SagaRow) {
  return { id, status, step, attempt, outputs, failure, stuck, history, widened, wakeInMs, endsInMs };
}
