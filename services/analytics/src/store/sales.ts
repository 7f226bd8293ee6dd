import type { Interval, Metric } from '@stoa/contracts/analytics';
import type { Sql } from '@stoa/platform/sql';
import type { Period } from '../domain/period.ts';

// Every statement looks up the live generation itself: a rebuild that ends between two of them changes no answer.
const live = '(select live from projection)';
const placedWithin = `f.generation = ${live}
       and f.placed_at >= coalesce($1::timestamptz, '-infinity') and f.placed_at < coalesce($2::timestamptz, 'infinity')`;
const refundedWithin = `r.generation = ${live}
       and r.refunded_at >= coalesce($1::timestamptz, '-infinity') and r.refunded_at < coalesce($2::timestamptz, 'infinity')`;
// A cancelled order is no revenue, so what was given back for it is no refund either.
const refundsOfCountedOrders = 'refund_fact r join order_fact f using (generation, order_id)';

/** The currencies that orders were placed or refunded in, the most used first. */
export async function readCurrencies(sql: Sql, { from, to }: Period): Promise<string[]> {
  const rows = await sql.query<{ currency: string }>(
    `select currency from (
       select f.currency, count(*) filter (where f.counted) as orders, count(*) as mentions
       from order_fact f where ${placedWithin} group by f.currency
       union all
       select r.currency, 0, count(*) from ${refundsOfCountedOrders} where ${refundedWithin} and f.counted group by r.currency
     ) used
     group by currency
     order by sum(orders) desc, sum(mentions) desc, currency`,
    [from, to],
  );
  return rows.map((row) => row.currency);
}

export interface OrderTotals {
  readonly orders: number;
  readonly revenue: number;
  readonly cancelled: number;
  readonly rejected: number;
}

export async function readOrderTotals(sql: Sql, { from, to }: Period, currency: string): Promise<OrderTotals> {
  const [totals] = await sql.query<OrderTotals>(
    `select count(*) filter (where f.counted) as orders,
            coalesce(sum(f.total) filter (where f.counted), 0)::bigint as revenue,
            count(*) filter (where f.cancelled) as cancelled,
            count(*) filter (where f.rejected) as rejected
     from order_fact f
     where ${placedWithin} and f.currency = $3`,
    [from, to, currency],
  );
  return totals as OrderTotals;
}

export async function readRefundTotal(sql: Sql, { from, to }: Period, currency: string): Promise<number> {
  const [total] = await sql.query<{ amount: number }>(
    `select coalesce(sum(r.amount), 0)::bigint as amount
     from ${refundsOfCountedOrders}
     where ${refundedWithin} and f.counted and r.currency = $3`,
    [from, to, currency],
  );
  return total?.amount ?? 0;
}

export async function countNewCustomers(sql: Sql, { from, to }: Period): Promise<number> {
  const [found] = await sql.query<{ customers: number }>(
    `select count(*) as customers from customer_fact c
     where c.generation = ${live}
       and c.registered_at >= coalesce($1::timestamptz, '-infinity') and c.registered_at < coalesce($2::timestamptz, 'infinity')`,
    [from, to],
  );
  return found?.customers ?? 0;
}

const seriesTexts: Record<Metric, string> = {
  orders: orderSeries('count(*)'),
  revenue: orderSeries('sum(f.total)::bigint'),
  refunds: `select date_trunc($4, r.refunded_at, 'UTC') as start, sum(r.amount)::bigint as value
     from ${refundsOfCountedOrders}
     where ${refundedWithin} and f.counted and r.currency = $3
     group by 1`,
};

function orderSeries(value: string): string {
  return `select date_trunc($4, f.placed_at, 'UTC') as start, ${value} as value
     from order_fact f
     where ${placedWithin} and f.counted and f.currency = $3
     group by 1`;
}

/** Values by start of interval; intervals in which nothing happened are missing. */
export async function readSeries(
  sql: Sql,
  { from, to }: Period,
  asked: { readonly metric: Metric; readonly interval: Interval; readonly currency: string },
): Promise<Map<string, number>> {
  const rows = await sql.query<{ start: string; value: number }>(seriesTexts[asked.metric], [
    from,
    to,
    asked.currency,
    asked.interval,
  ]);
  return new Map(rows.map((row) => [row.start, row.value]));
}

export interface ProductSales {
  readonly product_id: string | null;
  readonly skus: string[];
  readonly title: string;
  readonly quantity: number;
  readonly revenue: number;
}

/** The title is the one of the newest order: the maximum of (time, title) needs no sort, unlike an ordered aggregate. */
export function readTopProducts(
  sql: Sql,
  { from, to }: Period,
  asked: { readonly by: 'revenue' | 'quantity'; readonly currency: string; readonly limit: number },
): Promise<ProductSales[]> {
  const first = asked.by === 'revenue' ? 'revenue desc, quantity desc' : 'quantity desc, revenue desc';
  return sql.query<ProductSales>(
    `select l.product_id,
            array_agg(distinct l.sku) as skus,
            (max(array[extract(epoch from f.placed_at)::numeric(20, 6)::text, l.title] collate "C"))[2] as title,
            sum(l.quantity)::bigint as quantity,
            sum(l.amount)::bigint as revenue
     from order_fact f join order_line_fact l using (generation, order_id)
     where ${placedWithin} and f.counted and f.currency = $3
     group by l.product_id, case when l.product_id is null then l.sku end
     order by ${first}, min(l.sku)
     limit $4`,
    [from, to, asked.currency, asked.limit],
  );
}
