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

/**
 * Sums by SKU first and by product after, which needs no sort of the lines, and looks for titles (those of the newest orders) only of what is
 * shown: over a year of 500,000 lines that is four times as fast as one statement with an ordered aggregate.
 */
export function readTopProducts(
  sql: Sql,
  { from, to }: Period,
  asked: { readonly by: 'revenue' | 'quantity'; readonly currency: string; readonly limit: number },
): Promise<ProductSales[]> {
  const first =
    asked.by === 'revenue' ? 'sum(revenue) desc, sum(quantity) desc' : 'sum(quantity) desc, sum(revenue) desc';
  return sql.query<ProductSales>(
    `with sold as (
       select l.product_id, l.sku, sum(l.quantity)::bigint as quantity, sum(l.amount)::bigint as revenue
       from order_fact f join order_line_fact l using (generation, order_id)
       where ${placedWithin} and f.counted and f.currency = $3
       group by l.product_id, l.sku
     ), best as (
       select row_number() over (order by ${first}, min(sku)) as place,
              product_id, array_agg(sku order by sku) as skus,
              sum(quantity)::bigint as quantity, sum(revenue)::bigint as revenue
       from sold
       group by product_id, case when product_id is null then sku end
       order by place
       limit $4
     ), titled as (
       select distinct on (b.place) b.place, l.title
       from best b cross join unnest(b.skus) as s (sku)
       join order_line_fact l
         on l.generation = ${live} and l.sku = s.sku and l.product_id is not distinct from b.product_id
       join order_fact f on f.generation = l.generation and f.order_id = l.order_id
       order by b.place, f.placed_at desc
     )
     select product_id, skus, title, quantity, revenue
     from best join titled using (place)
     order by place`,
    [from, to, asked.currency, asked.limit],
  );
}
