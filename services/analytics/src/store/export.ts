import type { Sql } from '@stoa/platform/sql';
import type { Period } from '../domain/period.ts';

const live = '(select live from projection)';
const noId = '00000000-0000-0000-0000-000000000000';

export interface OrderRow {
  readonly order_id: string;
  readonly number: string;
  readonly placed_at: string;
  /** PostgreSQL's own text of the same instant, which has lost its microseconds on the way. */
  readonly placed_at_text: string;
  readonly status: 'confirmed' | 'cancelled' | 'rejected';
  readonly currency: string;
  readonly total: number;
  readonly refunded: number;
}

/** The next orders of an export after the one it has come to, oldest first. */
export function readOrderRows(
  sql: Sql,
  asked: { readonly period: Period; readonly currency: string | undefined },
  page: { readonly after: OrderRow | undefined; readonly limit: number },
): Promise<OrderRow[]> {
  return sql.query<OrderRow>(
    `select f.order_id, f.number, f.placed_at, f.placed_at::text as placed_at_text,
            case when f.cancelled then 'cancelled' when f.rejected then 'rejected' else 'confirmed' end as status,
            f.currency, f.total,
            (select coalesce(sum(r.amount), 0)::bigint from refund_fact r
             where r.generation = f.generation and r.order_id = f.order_id) as refunded
     from order_fact f
     where f.generation = ${live}
       and f.placed_at >= coalesce($1::timestamptz, '-infinity') and f.placed_at < coalesce($2::timestamptz, 'infinity')
       and ($3::text is null or f.currency = $3)
       and (f.placed_at, f.order_id) > ($4::timestamptz, $5::uuid)
     order by f.placed_at, f.order_id
     limit $6`,
    [
      asked.period.from,
      asked.period.to,
      asked.currency ?? null,
      page.after?.placed_at_text ?? '-infinity',
      page.after?.order_id ?? noId,
      page.limit,
    ],
  );
}

export interface LineRow {
  readonly order_id: string;
  readonly line_id: string;
  readonly product_id: string | null;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly amount: number;
}

/** The lines of orders, by order. Those that were never confirmed have none. */
export async function readLineRows(sql: Sql, orderIds: readonly string[]): Promise<Map<string, LineRow[]>> {
  const rows = await sql.query<LineRow>(
    `select order_id, line_id, product_id, sku, title, quantity, amount
     from order_line_fact
     where generation = ${live} and order_id = any($1::uuid[])
     order by order_id, line_id`,
    [orderIds],
  );
  return Map.groupBy(rows, (row) => row.order_id);
}
