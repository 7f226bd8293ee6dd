import type { OrderStatus } from '@stoa/contracts/order';
import type { Databases } from './databases.ts';

/** An order with what its stream says of it. Amounts in minor units, items as units by SKU. */
export interface OrderRow {
  readonly id: string;
  readonly status: OrderStatus;
  readonly version: number;
  readonly currency: string;
  readonly total: number;
  readonly captured: number;
  readonly refunded: number;
  readonly items: Readonly<Record<string, number>>;
  readonly shipments: number;
  readonly refunds_pending: number;
  /** Whether a saga is under way for it. */
  readonly live: boolean;
  readonly events: number;
  readonly first_version: number | null;
  readonly last_version: number | null;
  /** Type of the last event that changed the status. */
  readonly last_status: string | null;
  readonly captured_by_events: number;
  readonly refunded_by_events: number;
}

const pageRows = 1_000;
const nobody = '00000000-0000-0000-0000-000000000000';

/** Every order, page by page in the order of their ids. */
export async function* orderPages({ of }: Databases): AsyncGenerator<OrderRow[]> {
  for (let after = nobody; ; ) {
    const rows = await of.order.query<OrderRow>(
      `with page as (select id, status, version, state::jsonb as state from orders where id > $1 order by id limit ${pageRows}),
       streams as (
         select e.stream, count(*) as events, min(e.version) as first_version, max(e.version) as last_version,
                (array_agg(e.type order by e.version desc) filter (where e.type in
                  ('order-placed', 'order-confirmed', 'order-rejected', 'order-cancelled', 'order-shipped', 'order-delivered')))[1] as last_status,
                coalesce(sum((e.data #>> '{amount,amount}')::bigint) filter (where e.type = 'payment-captured'), 0) as captured,
                coalesce(sum((e.data #>> '{refunded,amount}')::bigint) filter (where e.type = 'order-cancelled'), 0) as given_back
         from kit.event e where e.stream in (select id from page) group by e.stream
       ),
       refunds as (
         select asked.stream, sum((asked.data #>> '{amount,amount}')::bigint) as refunded
         from kit.event asked join kit.event done on done.stream = asked.stream and done.type = 'order-refunded'
           and done.data ->> 'refundId' = asked.data ->> 'refundId'
         where asked.type = 'refund-requested' and asked.stream in (select id from page)
         group by asked.stream
       ),
       moved as (
         -- Without a time to wake at, nothing moves a saga that is not stuck.
         select key as id from kit.saga where status = 'stuck' or (status in ('running', 'compensating') and wake_at is not null)
       ),
       live as (
         select id from moved
         union select order_id::text from refund where status = 'pending' and id::text in (select id from moved)
       )
       select o.id, o.status, o.version, o.state #>> '{totals,total,currency}' as currency,
              (o.state #>> '{totals,total,amount}')::bigint as total,
              (o.state #>> '{payment,captured,amount}')::bigint as captured,
              (o.state #>> '{payment,refunded,amount}')::bigint as refunded,
              (select jsonb_object_agg(sku, units) from (
                 select item ->> 'sku' as sku, sum((item ->> 'quantity')::bigint) as units from jsonb_array_elements(o.state -> 'items') item group by 1
               ) items) as items,
              greatest((select count(*) from shipment s where s.order_id = o.id), jsonb_array_length(o.state -> 'shipments')) as shipments,
              (select count(*) from refund where order_id = o.id and status = 'pending') as refunds_pending,
              exists (select from live where live.id = o.id::text) as live,
              coalesce(s.events, 0) as events, s.first_version, s.last_version, s.last_status,
              coalesce(s.captured, 0) as captured_by_events,
              coalesce(r.refunded, 0) + coalesce(s.given_back, 0) as refunded_by_events
       from page o left join streams s on s.stream = o.id left join refunds r on r.stream = o.id
       order by o.id`,
      [after],
    );
    if (rows.length > 0) yield rows;
    if (rows.length < pageRows) return;
    after = rows.at(-1)?.id as string;
  }
}

/** Streams without an order, which the pages cannot show. */
export async function streamsWithoutOrder({ of }: Databases): Promise<string[]> {
  const rows = await of.order.query<{ stream: string }>(
    'select distinct stream from kit.event e where not exists (select from orders o where o.id = e.stream) limit 100',
  );
  return rows.map(({ stream }) => stream);
}

/** Which of these ids are orders. */
export async function knownOrders({ of }: Databases, ids: readonly string[]): Promise<Set<string>> {
  const rows = await of.order.query<{ id: string }>('select id from orders where id = any($1::uuid[])', [ids]);
  return new Set(rows.map(({ id }) => id));
}
