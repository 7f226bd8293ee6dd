import type { Sql } from '@stoa/platform/sql';

/** Units that orders hold and have bought; zero for orders that nothing was reserved for. */
export function findHolds(sql: Sql, orderIds: readonly string[]): Promise<{ orderId: string; held: number; sold: number }[]> {
  return sql.query(
    `select o.id as "orderId",
      coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)::bigint as held,
      coalesce(sum(r.quantity) filter (where r.state = 'sold'), 0)::bigint as sold
    from unnest($1::uuid[]) as o(id) left join reservation r on r.order_id = o.id
    group by o.id order by o.id`,
    [orderIds],
  );
}
