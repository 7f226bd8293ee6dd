import type { Sql } from '@stoa/platform/sql';

/** Units that orders hold and have bought; zero for orders that nothing was reserved for. */
export function findHolds(
  sql: Sql,
  orderIds: readonly string[],
): Promise<{ orderId: string; held: number; sold: number }[]> {
  return sql.query(
    `select o.id as "orderId",
      coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)::bigint as held,
      coalesce(sum(r.quantity) filter (where r.state = 'sold'), 0)::bigint as sold
    from unnest($1::uuid[]) as o(id) left join reservation r on r.order_id = o.id
    group by o.id order by o.id`,
    [orderIds],
  );
}

/** Orders that have held stock for a minute or longer, in order of id. */
export async function findHoldingOrders(
  sql: Sql,
  page: { after: string | undefined; limit: number },
): Promise<string[]> {
  const rows = await sql.query<{ orderId: string }>(
    `select distinct order_id as "orderId" from reservation
    where state = 'held' and order_id > $1 and at < now() - interval '1 minute'
    order by order_id limit $2`,
    [page.after ?? '00000000-0000-0000-0000-000000000000', page.limit],
  );
  return rows.map((row) => row.orderId);
}
