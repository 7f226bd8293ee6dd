import { insertText, type Sql } from '@stoa/platform/sql';
import type { ReplyTo } from '../domain/reply-to.ts';

export interface RefundAsked {
  readonly id: string;
  readonly order_id: string;
  readonly amount: number;
  readonly currency: string;
  readonly refunded_at: string;
}

export interface RefundRow {
  readonly id: string;
  readonly payment_id: string;
  readonly status: 'pending' | 'done' | 'refused';
  readonly failure: { readonly code: string; readonly detail: string } | null;
}

// The guard: whatever runs beside this, the row's lock makes each see what the others were granted.
const grant = `
with granted as (
  update payment p set refunds_pending = p.refunds_pending + r.amount, updated_at = $2, version = p.version + 1
  from json_to_recordset($1::json) as r(id uuid, order_id uuid, amount bigint, currency text, refunded_at timestamptz)
  where p.order_id = r.order_id and p.currency = r.currency and p.status = 'captured'
    and p.refunded + p.refunds_pending + r.amount <= p.captured
    and not exists (select from refund known where known.id = r.id)
  returning p.id as payment_id, r.id, r.amount, r.currency, r.refunded_at
)
insert into refund (id, payment_id, amount, currency, status, refunded_at, created_at)
select id, payment_id, amount, currency, 'pending', refunded_at, $2 from granted
returning id, payment_id`;

/** Grants the refunds that what is left of the capture covers; at most one an order a call. Returns the payment of each. */
export async function grantRefunds(sql: Sql, asked: readonly RefundAsked[], at: string): Promise<Map<string, string>> {
  const rows = await sql.query<{ id: string; payment_id: string }>(grant, [JSON.stringify(asked), at]);
  return new Map(rows.map((row) => [row.id, row.payment_id]));
}

export async function findRefunds(sql: Sql, ids: readonly string[]): Promise<Map<string, RefundRow>> {
  const rows = await sql.query<RefundRow>(
    'select id, payment_id, status, failure from refund where id = any($1::uuid[])',
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

export interface RestRefund {
  readonly id: string;
  readonly payment_id: string;
  readonly amount: number;
  readonly currency: string;
}

const insertRest = insertText('refund', {
  id: 'uuid',
  payment_id: 'uuid',
  amount: 'bigint',
  currency: 'text',
  status: 'text',
  refunded_at: 'timestamptz',
  created_at: 'timestamptz',
});

/** Grants refunds of all that is left. The payments are locked, and `amount` is what they have left. */
export async function grantRest(sql: Sql, refunds: readonly RestRefund[], at: string): Promise<void> {
  if (refunds.length === 0) return;
  const rows = refunds.map((refund) => ({ ...refund, status: 'pending', refunded_at: at, created_at: at }));
  await sql.query(
    `update payment p set refunds_pending = p.refunds_pending + r.amount, updated_at = $2, version = p.version + 1
    from json_to_recordset($1::json) as r(payment_id uuid, amount bigint) where p.id = r.payment_id`,
    [JSON.stringify(refunds), at],
  );
  await sql.query(insertRest, [JSON.stringify(rows)]);
}

/** What came of a refund at the provider. */
export interface RefundResult {
  readonly id: string;
  readonly outcome: 'approved' | 'declined';
  readonly failure: { readonly code: string; readonly detail: string } | null;
  readonly tries: number;
}

const settle = `
with answer as (
  select * from json_to_recordset($1::json) as r(id uuid, outcome text, failure jsonb, tries int)
),
settled as (
  update refund f set status = case when a.outcome = 'approved' then 'done' else 'refused' end, failure = a.failure
  from answer a
  where f.id = a.id and f.status = 'pending'
  returning f.id, f.payment_id, f.amount, f.currency, f.status, f.failure, f.refunded_at, a.outcome, a.tries
),
counted as (
  update payment p set
    refunds_pending = p.refunds_pending - s.asked, refunded = p.refunded + s.done, updated_at = $2, version = p.version + 1
  from (
    select payment_id, sum(amount) as asked, coalesce(sum(amount) filter (where status = 'done'), 0) as done
    from settled group by payment_id
  ) s
  where p.id = s.payment_id
  returning p.id, p.order_id, p.refunds_pending, p.give_back
),
booked as (
  insert into movement (kind, id, payment_id, debit, credit, amount, currency, at)
  select 'refund', id, payment_id, 'sales', 'provider-clearing', amount, currency, refunded_at
  from settled where status = 'done'
),
noted as (
  insert into attempt (payment_id, kind, outcome, tries, failure, at)
  select payment_id, 'refund', outcome, tries, failure, $2 from settled
)
select s.id, c.order_id, case when c.refunds_pending = 0 then c.give_back end as give_back
from settled s join counted c on c.id = s.payment_id`;

export interface SettledRefunds {
  /** Those that this has changed. */
  readonly refunds: readonly { readonly id: string }[];
  /** Those who waited for a payment of theirs to have no refund under way, as it has none now. */
  readonly waited: readonly { readonly order_id: string; readonly give_back: ReplyTo }[];
}

/** Records what was refunded, and books it at the time it counts for. */
export async function settleRefunds(sql: Sql, results: readonly RefundResult[], at: string): Promise<SettledRefunds> {
  const refunds = await sql.query<{ id: string; order_id: string; give_back: ReplyTo | null }>(settle, [
    JSON.stringify(results),
    at,
  ]);
  const waited = new Map<string, { order_id: string; give_back: ReplyTo }>();
  for (const { order_id, give_back } of refunds) if (give_back) waited.set(order_id, { order_id, give_back });
  return { refunds, waited: [...waited.values()] };
}
