import type { Sql } from '@stoa/platform/sql';

const live = '(select live from projection)';
const witnessesMax = 10;

// Worked out from the log by PostgreSQL and not by the fold, so that a mistake in the fold shows too.
const checks = [
  `with logged as (
     select (payload ->> 'orderId')::uuid as order_id,
            max((payload #>> '{totals,total,amount}')::bigint) as total,
            bool_or(type = 'order.confirmed.v1') as confirmed,
            bool_or(type = 'order.cancelled.v1') as cancelled,
            bool_or(type = 'order.rejected.v1') as rejected
     from heard
     where type in ('order.confirmed.v1', 'order.cancelled.v1', 'order.rejected.v1')
     group by 1
   ), kept as (select * from order_fact where generation = ${live})
   select 'order ' || order_id as witness
   from logged l full join kept k using (order_id)
   where (l.total, l.confirmed, l.cancelled, l.rejected) is distinct from (k.total, k.confirmed, k.cancelled, k.rejected)
   limit ${witnessesMax}`,
  `with logged as (
     select (h.payload ->> 'orderId')::uuid as order_id, (line ->> 'lineId')::uuid as line_id,
            max((line ->> 'quantity')::bigint) as quantity, max((line #>> '{lineTotal,amount}')::bigint) as amount
     from heard h cross join jsonb_array_elements(h.payload -> 'items') line
     where h.type = 'order.confirmed.v1'
     group by 1, 2
   ), kept as (select * from order_line_fact where generation = ${live})
   select 'line ' || line_id || ' of order ' || order_id as witness
   from logged l full join kept k using (order_id, line_id)
   where (l.quantity, l.amount) is distinct from (k.quantity, k.amount)
   limit ${witnessesMax}`,
  `with logged as (
     select (payload ->> 'refundId')::uuid as refund_id, max((payload #>> '{amount,amount}')::bigint) as amount
     from heard where type = 'order.refunded.v1' group by 1
   ), kept as (select * from refund_fact where generation = ${live})
   select 'refund ' || refund_id as witness
   from logged l full join kept k using (refund_id)
   where l.amount is distinct from k.amount
   limit ${witnessesMax}`,
  `with logged as (
     select distinct (payload ->> 'userId')::uuid as user_id
     from heard where type = 'user.registered.v1' and payload ->> 'role' = 'customer'
   ), kept as (select * from customer_fact where generation = ${live})
   select 'customer ' || user_id as witness
   from logged l full join kept k using (user_id)
   where l.user_id is null or k.user_id is null
   limit ${witnessesMax}`,
];

/** Holds the live facts against the log: how many entries it has, and which facts are not what they say. */
export async function checkFold(sql: Sql): Promise<{ entries: number; witnesses: string[] }> {
  const [counted, ...found] = await Promise.all([
    sql.query<{ entries: number }>('select count(*) as entries from heard'),
    ...checks.map((text) => sql.query<{ witness: string }>(text)),
  ]);
  return { entries: counted[0]?.entries ?? 0, witnesses: found.flat().map((row) => row.witness) };
}
