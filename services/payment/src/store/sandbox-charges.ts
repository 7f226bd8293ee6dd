import type { Sql } from '@stoa/platform/sql';
import type { ChargeRequest } from '../domain/charge.ts';

/** A charge in the sandbox's books. */
export interface SandboxCharge {
  readonly key: string;
  readonly state: 'pending' | 'authorised' | 'declined' | 'captured' | 'voided';
  readonly detail: string | null;
}

export interface NewCharge extends ChargeRequest {
  readonly state: SandboxCharge['state'];
  readonly code: string | null;
  readonly detail: string | null;
}

const recordset = `json_to_recordset($1::json) as r(key uuid, order_id uuid, token text, amount bigint, currency text, state text, code text, detail text)`;
const into = `insert into sandbox.charge (key, order_id, token, amount, currency, state, code, detail)
select r.key, r.order_id, r.token, r.amount, r.currency, r.state, r.code, r.detail from ${recordset}`;

/** Opens charges, as far as their keys are new; returns the keys that were. */
export async function openCharges(sql: Sql, charges: readonly NewCharge[]): Promise<Set<string>> {
  const rows = await sql.query<{ key: string }>(`${into} on conflict (key) do nothing returning key`, [
    rowsOf(charges),
  ]);
  return new Set(rows.map((row) => row.key));
}

/** Voids charges, and closes keys that are not known yet: a charge that comes later takes nothing. Returns the keys nothing is held for now. */
export async function voidCharges(sql: Sql, charges: readonly NewCharge[]): Promise<Set<string>> {
  const rows = await sql.query<{ key: string }>(
    `${into} on conflict (key) do update set state = 'voided' where charge.state in ('pending', 'authorised', 'voided')
    returning key`,
    [rowsOf(charges)],
  );
  return new Set(rows.map((row) => row.key));
}

function rowsOf(charges: readonly NewCharge[]): string {
  return JSON.stringify(
    charges.map(({ key, orderId, paymentToken, amount, state, code, detail }) => ({
      key,
      order_id: orderId,
      token: paymentToken,
      amount: amount.amount,
      currency: amount.currency,
      state,
      code,
      detail,
    })),
  );
}

/** Captures what is authorised and can be captured, once a charge; returns the keys that were. */
export async function captureCharges(
  sql: Sql,
  captures: readonly { key: string; amount: number }[],
): Promise<Set<string>> {
  const rows = await sql.query<{ key: string }>(
    `update sandbox.charge c set state = 'captured', captured = r.amount, captures = c.captures + 1
    from json_to_recordset($1::json) as r(key uuid, amount bigint)
    where c.key = r.key and c.state = 'authorised' and c.token <> 'tok_capture_fails' and r.amount <= c.amount
    returning c.key`,
    [JSON.stringify(captures)],
  );
  return new Set(rows.map((row) => row.key));
}

export async function findCharges(sql: Sql, keys: readonly string[]): Promise<Map<string, SandboxCharge>> {
  const rows = await sql.query<SandboxCharge>(
    'select key, state, detail from sandbox.charge where key = any($1::uuid[])',
    [keys],
  );
  return new Map(rows.map((row) => [row.key, row]));
}

/** Pending becomes authorised: the customer has said yes. Returns the charge as it stands; undefined for an unknown key. */
export async function approvePending(sql: Sql, key: string): Promise<SandboxCharge | undefined> {
  await sql.query(`update sandbox.charge set state = 'authorised' where key = $1 and state = 'pending'`, [key]);
  return (await findCharges(sql, [key])).get(key);
}

/** Gives back, within what was captured; says whether the refund is in the books. */
export async function refundCharge(
  sql: Sql,
  refund: { key: string; charge: string; amount: number },
): Promise<boolean> {
  const rows = await sql.query(
    `with charge as (
      update sandbox.charge c set refunded = c.refunded + $3
      where c.key = $2 and c.state = 'captured' and c.refunded + $3 <= c.captured
        and not exists (select from sandbox.refund where key = $1)
      returning c.key
    )
    insert into sandbox.refund (key, charge, amount) select $1, key, $3 from charge returning key`,
    [refund.key, refund.charge, refund.amount],
  );
  if (rows.length > 0) return true;
  // An earlier try of the key may have been waited for: the statement above still sees what there was before it.
  const given = await sql.query('select from sandbox.refund where key = $1', [refund.key]);
  return given.length > 0;
}

/** Notes that a call with this key has failed; true for the first. */
export async function noteFailedCall(sql: Sql, key: string): Promise<boolean> {
  const rows = await sql.query(
    'insert into sandbox.failed_call (key) values ($1) on conflict (key) do nothing returning key',
    [key],
  );
  return rows.length > 0;
}
