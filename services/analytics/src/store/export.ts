import type { Sql } from '@stoa/platform/sql';
import type { Period } from '../domain/period.ts';

const live = '(select live from projection)';
const status = "case when f.cancelled then 'cancelled' when f.rejected then 'rejected' else 'confirmed' end as status";
const within = `f.generation = ${live}
       and f.placed_at >= coalesce($1::timestamptz, '-infinity') and f.placed_at < coalesce($2::timestamptz, 'infinity')
       and ($3::text is null or f.currency = $3)`;

/** Where a page of an export ended. The time is PostgreSQL's own text: the instant as it is answered has lost its microseconds. */
export interface ExportPlace {
  readonly placedAtText: string;
  readonly orderId: string;
  readonly lineId: string;
}

export interface OrderRow {
  readonly order_id: string;
  readonly number: string;
  readonly placed_at: string;
  readonly placed_at_text: string;
  readonly status: string;
  readonly currency: string;
  readonly total: number;
  readonly refunded: number;
}

export interface LineRow extends Omit<OrderRow, 'total' | 'refunded'> {
  readonly line_id: string;
  readonly product_id: string | null;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly amount: number;
}

interface ExportPage {
  readonly period: Period;
  readonly currency: string | undefined;
  readonly after: ExportPlace | undefined;
  readonly limit: number;
}

export function readOrderRows(sql: Sql, { period, currency, after, limit }: ExportPage): Promise<OrderRow[]> {
  return sql.query<OrderRow>(
    `select f.order_id, f.number, f.placed_at, f.placed_at::text as placed_at_text, ${status}, f.currency, f.total,
            (select coalesce(sum(r.amount), 0)::bigint from refund_fact r
             where r.generation = f.generation and r.order_id = f.order_id) as refunded
     from order_fact f
     where ${within}
       and ($4::timestamptz is null or (f.placed_at, f.order_id) > ($4, $5::uuid))
     order by f.placed_at, f.order_id
     limit $6`,
    [period.from, period.to, currency ?? null, after?.placedAtText ?? null, after?.orderId ?? null, limit],
  );
}

export function readLineRows(sql: Sql, { period, currency, after, limit }: ExportPage): Promise<LineRow[]> {
  return sql.query<LineRow>(
    `select f.order_id, f.number, f.placed_at, f.placed_at::text as placed_at_text, ${status}, f.currency,
            l.line_id, l.product_id, l.sku, l.title, l.quantity, l.amount
     from order_fact f join order_line_fact l using (generation, order_id)
     where ${within}
       and ($4::timestamptz is null or (f.placed_at, f.order_id, l.line_id) > ($4, $5::uuid, $6::uuid))
     order by f.placed_at, f.order_id, l.line_id
     limit $7`,
    [
      period.from,
      period.to,
      currency ?? null,
      after?.placedAtText ?? null,
      after?.orderId ?? null,
      after?.lineId ?? null,
      limit,
    ],
  );
}
