import type { PaymentStatus } from '@stoa/contracts/payment';
import { insertText, type Sql } from '@stoa/platform/sql';
import type { ChargeAnswer } from '../domain/charge.ts';
import type { ReplyTo } from '../domain/reply-to.ts';

/** A payment as commands and effects need it. */
export interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly payment_token: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: PaymentStatus;
  readonly captured: number;
  readonly refunded: number;
  readonly refunds_pending: number;
  readonly failure: { readonly code: string; readonly detail: string } | null;
  readonly reply_to: ReplyTo;
  readonly give_back: ReplyTo | null;
}

const columns = `p.id, p.order_id, p.payment_token, p.amount, p.currency, p.status, p.captured, p.refunded, p.refunds_pending,
  p.failure, p.reply_to, p.give_back`;

export interface NewPayment {
  readonly id: string;
  readonly order_id: string;
  readonly provider: string;
  readonly payment_token: string;
  readonly amount: number;
  readonly currency: string;
  readonly reply_to: ReplyTo;
  readonly created_at: string;
}

const insert = insertText(
  'payment',
  {
    id: 'uuid',
    order_id: 'uuid',
    provider: 'text',
    payment_token: 'text',
    amount: 'bigint',
    currency: 'text',
    status: 'text',
    reply_to: 'jsonb',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  'on conflict (order_id) do nothing returning id',
);

/** Writes payments whose authorisation is about to be asked for. Returns the ids of those whose orders had none before. */
export async function insertPayments(sql: Sql, payments: readonly NewPayment[]): Promise<Set<string>> {
  if (payments.length === 0) return new Set();
  const rows = payments.map((payment) => ({ ...payment, status: 'authorising', updated_at: payment.created_at }));
  const inserted = await sql.query<{ id: string }>(insert, [JSON.stringify(rows)]);
  return new Set(inserted.map((row) => row.id));
}

/** What is known about an authorisation: the provider's answer, or that there is none to be had. */
export interface Settlement {
  readonly id: string;
  readonly outcome: ChargeAnswer['outcome'] | 'unknown';
  readonly failure: { readonly code: string; readonly detail: string } | null;
  readonly tries: number;
  readonly at: string;
}

// The first to know settles: the provider's answer, its webhook, a look-up or the end of our patience. The others change nothing.
const settle = `
with answer as (
  select * from json_to_recordset($1::json) as r(id uuid, outcome text, failure jsonb, tries int, at timestamptz)
),
settled as (
  update payment p set
    status = case
      when a.outcome = 'declined' then 'declined'
      when a.outcome = 'unknown' then 'unavailable'
      when p.give_back is not null then 'voiding'
      when a.outcome = 'pending' then 'waiting'
      else 'authorised'
    end,
    failure = a.failure, updated_at = a.at, version = p.version + 1
  from answer a
  where p.id = a.id
    and (p.status = 'authorising' or (p.status = 'waiting' and a.outcome in ('approved', 'declined')))
  returning ${columns}, a.outcome, a.tries, a.at
),
noted as (
  insert into attempt (payment_id, kind, outcome, tries, failure, at)
  select id, 'authorise', outcome, tries, failure, at from settled
)
select * from settled`;

/** Settles authorisations; returns the payments that this has changed, as they stand now. */
export function settleAuthorisations(sql: Sql, settlements: readonly Settlement[]): Promise<PaymentRow[]> {
  return sql.query<PaymentRow>(settle, [JSON.stringify(settlements)]);
}

/** The payments of orders, locked in the order of their ids so that no two transactions wait for each other. */
export function lockPayments(sql: Sql, orderIds: readonly string[]): Promise<PaymentRow[]> {
  return sql.query<PaymentRow>(
    `select ${columns} from payment p where p.order_id = any($1::uuid[]) order by p.id for update`,
    [orderIds],
  );
}

/** Notes who waits for everything to be given back, and moves the payments to `status` where one is given. They are locked already. */
export async function noteGiveBack(
  sql: Sql,
  notes: readonly { id: string; give_back: ReplyTo | null; status: PaymentStatus }[],
  at: string,
): Promise<void> {
  if (notes.length === 0) return;
  await sql.query(
    `update payment p set give_back = r.give_back, status = r.status, updated_at = $2, version = p.version + 1
    from json_to_recordset($1::json) as r(id uuid, give_back jsonb, status text)
    where p.id = r.id`,
    [JSON.stringify(notes), at],
  );
}

const voided = `
with answer as (
  select * from json_to_recordset($1::json) as r(id uuid, tries int)
),
settled as (
  update payment p set
    status = case when p.status = 'voiding' then 'voided' else p.status end,
    voided_at = $2, updated_at = $2, version = p.version + 1
  from answer a
  where p.id = a.id and p.voided_at is null and p.status in ('voiding', 'unavailable')
  returning ${columns}, a.tries
),
noted as (
  insert into attempt (payment_id, kind, outcome, tries, at)
  select id, 'void', 'approved', tries, $2 from settled
)
select * from settled`;

/** Settles voids; returns the payments that this has changed. One that was given up as unavailable stays so, with nothing held. */
export function settleVoids(
  sql: Sql,
  voids: readonly { id: string; tries: number }[],
  at: string,
): Promise<PaymentRow[]> {
  return sql.query<PaymentRow>(voided, [JSON.stringify(voids), at]);
}

/** Payments whose webhook has not come for so long that it may be lost; each is named again only after the same time. */
export function takeOverdue(sql: Sql, waitedMs: number, limit: number): Promise<PaymentRow[]> {
  return sql.query<PaymentRow>(
    `with overdue as (
      select id from payment where status = 'waiting' and updated_at < clock_timestamp() - $1 * interval '1 millisecond'
      order by updated_at limit $2 for update skip locked
    )
    update payment p set updated_at = clock_timestamp() from overdue where p.id = overdue.id
    returning ${columns}`,
    [waitedMs, limit],
  );
}
