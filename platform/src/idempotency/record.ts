import { AppError } from '../errors/index.ts';
import { insertText, type Sql, sqlState, type Tx, violatedConstraint, type Writer, writer } from '../sql/index.ts';

/** A first answer, or the promise of one. */
export interface IdempotencyRecord {
  readonly scope: string;
  readonly fingerprint: string;
  /** What the request made; from it an answer can be worked out again after a crash. */
  readonly resource: string | null;
  /** Null while the answer is not fixed. */
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string | null;
}

export interface StoredRecord extends IdempotencyRecord {
  /** Whether somebody is working on the answer, by the database's clock. */
  readonly held: boolean;
}

/** How long a holder that has died keeps others from taking its key over; one that lives renews its hold. */
export const heldMs = 3_000;

/** The key has been used: what is stored decides. Never leaves this module. */
export class KeyTaken extends Error {}

const insert = `${insertText('kit.idempotency', {
  scope: 'text',
  fingerprint: 'text',
  resource: 'text',
  status: 'int',
  headers: 'jsonb',
  body: 'text',
  held_until: 'timestamptz',
}).replace('r."held_until"', `clock_timestamp() + interval '${heldMs} milliseconds'`)}`;

const records: Writer<IdempotencyRecord> = writer('idempotency', 0, async (tx, rows) => {
  try {
    await tx.query(insert, [JSON.stringify(rows)]);
  } catch (error) {
    if (sqlState(error) === '23505' && violatedConstraint(error) === 'idempotency_pkey')
      throw new KeyTaken('', { cause: error });
    throw error;
  }
});

/** Takes the key with the transaction; if it is taken already, the transaction fails with KeyTaken. */
export function takeKey(tx: Tx, record: IdempotencyRecord): void {
  tx.defer(records, record);
}

/** Whether an error says that the key was taken. */
export function isKeyTaken(error: unknown): boolean {
  for (let at = error; at instanceof Error && !(at instanceof AppError); at = at.cause)
    if (at instanceof KeyTaken) return true;
  return false;
}

export async function readRecord(sql: Sql, scope: string): Promise<StoredRecord | undefined> {
  const rows = await sql.query<StoredRecord>(
    `select scope, fingerprint, resource, status, headers, body, coalesce(held_until > clock_timestamp(), false) as held
    from kit.idempotency where scope = $1`,
    [scope],
  );
  return rows[0];
}

/** Takes over a key whose holder has died. False when somebody else was quicker. */
export async function takeOver(sql: Sql, scope: string): Promise<boolean> {
  const rows = await sql.query(
    `update kit.idempotency set held_until = clock_timestamp() + interval '${heldMs} milliseconds'
    where scope = $1 and status is null and held_until <= clock_timestamp() returning scope`,
    [scope],
  );
  return rows.length > 0;
}

/** Keeps what is being worked on from being taken over. */
export async function renewHolds(sql: Sql, scopes: readonly string[]): Promise<void> {
  await sql.query(
    `update kit.idempotency set held_until = clock_timestamp() + interval '${heldMs} milliseconds'
    where scope = any($1) and status is null`,
    [scopes],
  );
}

interface Settled {
  readonly scope: string;
  readonly status: number;
  readonly headers: object;
  readonly body: string | null;
  stored: boolean;
}

const answers: Writer<Settled> = writer('idempotency answers', 0, async (tx, rows) => {
  const stored = await tx.query<{ scope: string }>(
    `update kit.idempotency i set status = r.status, headers = r.headers, body = r.body
    from json_to_recordset($1::json) as r(scope text, status int, headers jsonb, body text)
    where i.scope = r.scope and i.status is null returning i.scope`,
    [JSON.stringify(rows)],
  );
  const scopes = new Set(stored.map((row) => row.scope));
  for (const row of rows) row.stored = scopes.has(row.scope);
});

/** Fixes the answer unless it is fixed. Returns whether this was the one that did. */
export function storeAnswer(
  tx: Tx,
  answer: { scope: string; status: number; headers: object; body: string | null },
): { stored: boolean } {
  const row = { ...answer, stored: false };
  tx.defer(answers, row);
  return row;
}

/** Forgets keys older than seven days. */
export async function forgetOldKeys(sql: Sql): Promise<void> {
  await sql.query(`delete from kit.idempotency where created_at < now() - interval '7 days'`);
}

const erased = '{}';

/** Whether the answer was forgotten, be it before there was one. */
export function isErased({ body }: StoredRecord): boolean {
  return body === erased;
}

/** Forgets what was answered about resources whose personal data is erased, and lets no answer that is still waited for be kept; the keys stay taken. */
export async function eraseAnswers(sql: Sql, resources: readonly string[]): Promise<void> {
  await sql.query(
    `update kit.idempotency set body = '${erased}', status = coalesce(status, 202)
    where resource = any($1) and (body is not null or status is null)`,
    [resources],
  );
}
