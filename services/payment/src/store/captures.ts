import type { PaymentStatus } from '@stoa/contracts/payment';
import type { Sql } from '@stoa/platform/sql';
import type { ReplyTo } from '../domain/reply-to.ts';

/** An order that wants its payment captured. */
export interface CaptureAsked {
  readonly order_id: string;
  readonly amount: number;
  readonly currency: string;
}

const begin = `
update payment p set status = 'capturing', updated_at = $2, version = p.version + 1
from json_to_recordset($1::json) as r(order_id uuid, amount bigint, currency text)
where p.order_id = r.order_id and p.status in ('authorised', 'capture-failed') and p.give_back is null and p.currency = r.currency and r.amount <= p.amount
returning p.id, p.order_id`;

/** Decides to capture what is authorised, at most once an order; again, when a person has it asked for after the bank refused. Returns the payment of each order it was decided for. */
export async function beginCaptures(
  sql: Sql,
  asked: readonly CaptureAsked[],
  at: string,
): Promise<Map<string, string>> {
  const rows = await sql.query<{ id: string; order_id: string }>(begin, [JSON.stringify(asked), at]);
  return new Map(rows.map((row) => [row.order_id, row.id]));
}

/** What came of a capture at the provider. */
export interface CaptureResult {
  readonly id: string;
  readonly outcome: 'approved' | 'declined';
  readonly amount: number;
  readonly failure: { readonly code: string; readonly detail: string } | null;
  readonly tries: number;
}

export interface SettledCapture {
  readonly id: string;
  readonly order_id: string;
  readonly status: PaymentStatus;
  readonly give_back: ReplyTo | null;
}

const settle = `
with answer as (
  select * from json_to_recordset($1::json) as r(id uuid, outcome text, amount bigint, failure jsonb, tries int)
),
settled as (
  update payment p set
    status = case when a.outcome = 'approved' then 'captured' else 'capture-failed' end,
    captured = case when a.outcome = 'approved' then a.amount else 0 end,
    captured_at = case when a.outcome = 'approved' then $2::timestamptz end,
    failure = a.failure, updated_at = $2, version = p.version + 1
  from answer a
  where p.id = a.id and p.status = 'capturing'
  returning p.id, p.order_id, p.status, p.give_back, p.captured, p.currency, p.failure, a.outcome, a.tries
),
booked as (
  insert into movement (kind, id, payment_id, debit, credit, amount, currency, at)
  select 'capture', id, id, 'provider-clearing', 'sales', captured, currency, $2 from settled where status = 'captured'
),
noted as (
  insert into attempt (payment_id, kind, outcome, tries, failure, at)
  select id, 'capture', outcome, tries, failure, $2 from settled
)
select id, order_id, status, give_back from settled`;

/** Records what was captured, and books it. Returns the payments that this has changed. */
export function settleCaptures(sql: Sql, results: readonly CaptureResult[], at: string): Promise<SettledCapture[]> {
  return sql.query<SettledCapture>(settle, [JSON.stringify(results), at]);
}
