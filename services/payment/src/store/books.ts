import type { ProviderCharge } from '@stoa/contracts/payment';
import { money } from '@stoa/platform/money';
import type { Sql } from '@stoa/platform/sql';

/** What was captured and refunded in one currency, by three books that must agree. */
export interface BookTotals {
  readonly currency: string;
  readonly provider: { readonly captured: number; readonly refunded: number };
  readonly payments: { readonly captured: number; readonly refunded: number };
  readonly ledger: { readonly captured: number; readonly refunded: number };
}

interface TotalRow {
  readonly currency: string;
  readonly book: 'provider' | 'payments' | 'ledger';
  readonly captured: number;
  readonly refunded: number;
}

const nothing = { captured: 0, refunded: 0 };

/**
 * The three books, of payments for which nothing is under way at the provider: between its answer and our commit its books are ahead of ours,
 * and that is not a difference. One statement, so one moment.
 */
export async function bookTotals(sql: Sql): Promise<BookTotals[]> {
  const rows = await sql.query<TotalRow>(
    `with moving as (
      select id from payment where status = 'capturing' or refunds_pending > 0
    )
    select currency, 'provider' as book, sum(captured)::bigint as captured, sum(refunded)::bigint as refunded
    from sandbox.charge where key not in (select id from moving) group by currency
    union all
    select currency, 'payments', sum(captured)::bigint, sum(refunded)::bigint
    from payment where id not in (select id from moving) group by currency
    union all
    select currency, 'ledger',
      (coalesce(sum(amount) filter (where kind = 'capture'), 0))::bigint,
      (coalesce(sum(amount) filter (where kind = 'refund'), 0))::bigint
    from movement where payment_id not in (select id from moving) group by currency`,
    [],
  );
  const currencies = [...new Set(rows.map((row) => row.currency))].sort();
  return currencies.map((currency) => {
    const of = (book: TotalRow['book']) => {
      const row = rows.find((one) => one.currency === currency && one.book === book);
      return row ? { captured: row.captured, refunded: row.refunded } : nothing;
    };
    return { currency, provider: of('provider'), payments: of('payments'), ledger: of('ledger') };
  });
}

/** Payments whose own row, charge and ledger disagree, with how; for naming a witness. */
export function disagreeing(
  sql: Sql,
  limit: number,
): Promise<{ order_id: string; provider: number; payment: number; ledger: number }[]> {
  return sql.query(
    `select * from (
      select p.order_id, p.captured - p.refunded as payment, coalesce(c.captured - c.refunded, 0) as provider,
        coalesce((
          select sum(case when m.kind = 'capture' then m.amount else -m.amount end) from movement m where m.payment_id = p.id
        ), 0)::bigint as ledger
      from payment p left join sandbox.charge c on c.key = p.id
      where p.status <> 'capturing' and p.refunds_pending = 0
    ) books where payment <> provider or payment <> ledger
    order by order_id limit $1`,
    [limit],
  );
}

/** Charges at the provider that no payment of ours knows. */
export async function chargesWithoutPayment(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql.query<{ key: string }>(
    `select c.key from sandbox.charge c where not exists (select from payment p where p.id = c.key) order by c.key limit $1`,
    [limit],
  );
  return rows.map((row) => row.key);
}

/** Orders for which the provider took money more than once. */
export async function ordersCapturedTwice(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql.query<{ order_id: string }>(
    `select order_id from sandbox.charge where captures > 0 group by order_id having sum(captures) > 1 order by order_id limit $1`,
    [limit],
  );
  return rows.map((row) => row.order_id);
}

/** Payments that are over while the provider still holds money for them: neither kept nor given back. */
export async function heldForNothing(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql.query<{ order_id: string }>(
    `select p.order_id from payment p join sandbox.charge c on c.key = p.id
    where (p.status in ('voided', 'declined') or (p.status = 'unavailable' and p.voided_at is not null))
      and c.state in ('authorised', 'captured')
    order by p.order_id limit $1`,
    [limit],
  );
  return rows.map((row) => row.order_id);
}

export async function countBooks(sql: Sql): Promise<{ payments: number; charges: number; movements: number }> {
  const [row] = await sql.query<{ payments: number; charges: number; movements: number }>(
    `select (select count(*) from payment) as payments, (select count(*) from sandbox.charge) as charges,
      (select count(*) from movement) as movements`,
    [],
  );
  return row ?? { payments: 0, charges: 0, movements: 0 };
}

/** Charges after a key, in its order. */
export async function findProviderCharges(
  sql: Sql,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<ProviderCharge[]> {
  const rows = await sql.query<{
    key: string;
    order_id: string;
    known: boolean;
    state: ProviderCharge['state'];
    captures: number;
    captured: number;
    refunded: number;
    currency: string;
  }>(
    `select c.key, c.order_id, p.id is not null as known, c.state, c.captures, c.captured, c.refunded, c.currency
    from sandbox.charge c left join payment p on p.id = c.key
    where c.key > $1 order by c.key limit $2`,
    [after ?? '00000000-0000-0000-0000-000000000000', limit],
  );
  return rows.map(({ order_id, currency, captured, refunded, ...charge }) => ({
    ...charge,
    orderId: order_id,
    captured: money(captured, currency),
    refunded: money(refunded, currency),
  }));
}
