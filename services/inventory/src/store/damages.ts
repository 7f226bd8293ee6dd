import type { Sql } from '@stoa/platform/sql';

/** A row of stock beside what its ledger and its reservations come to. */
export interface Damage {
  readonly sku: string;
  readonly locationId: string;
  /** Whether the counts add up, are not negative, and are what the ledger says. */
  readonly adds: boolean;
  /** Whether what is reserved, sold and come back is what orders hold, have bought and have given back. */
  readonly owned: boolean;
  readonly counts: object;
}

export interface Audit {
  /** Rows looked at. */
  readonly checked: number;
  readonly damages: readonly Damage[];
}

// One statement, so one snapshot: nothing that commits meanwhile looks like damage.
const audit = `
with orders as (
  select sku, location_id,
    coalesce(sum(quantity) filter (where state = 'held'), 0) as held,
    coalesce(sum(quantity) filter (where state = 'sold'), 0) as sold,
    coalesce(sum(returned) filter (where state = 'sold'), 0) as back
  from reservation where state <> 'released' group by sku, location_id
), book as (
  select sku, location_id,
    coalesce(sum(quantity) filter (where kind = 'received'), 0) as received,
    coalesce(sum(quantity) filter (where kind = 'returned'), 0) as returned,
    coalesce(sum(quantity) filter (where kind = 'adjusted'), 0) as adjusted,
    coalesce(sum(quantity) filter (where kind = 'sold'), 0) as sold,
    coalesce(sum(quantity) filter (where kind = 'damaged'), 0) as damaged,
    coalesce(sum(quantity) filter (where kind = 'returned' and order_id is not null), 0) as back
  from ledger group by sku, location_id
), looked_at as (
  select coalesce(s.sku, o.sku, b.sku) as sku, coalesce(s.location_id, o.location_id, b.location_id) as location_id,
    coalesce(
      s.received + s.returned + s.adjusted - s.sold - s.damaged = s.on_hand
      and least(s.on_hand, s.reserved, s.on_hand - s.reserved, s.received, s.returned, s.sold, s.damaged) >= 0
      and (s.received, s.returned, s.adjusted, s.sold, s.damaged) = (b.received, b.returned, b.adjusted, b.sold, b.damaged),
      false
    ) as adds,
    coalesce(
      s.reserved = coalesce(o.held, 0) and s.sold = coalesce(o.sold, 0) and coalesce(b.back, 0) = coalesce(o.back, 0), false
    ) as owned,
    json_build_object('stock', to_json(s), 'ledger', to_json(b), 'orders', to_json(o)) as counts
  from stock s
  full join orders o on o.sku = s.sku and o.location_id = s.location_id
  full join book b on b.sku = coalesce(s.sku, o.sku) and b.location_id = coalesce(s.location_id, o.location_id)
)
select (select count(*) from looked_at) as checked, (
  select coalesce(json_agg(d), '[]') from (
    select sku, location_id as "locationId", adds, owned, counts from looked_at where not (adds and owned)
    order by sku, location_id limit 100
  ) d
) as damages`;

/** Looks at every row of stock, and gives the first hundred that are wrong. */
export async function findDamages(sql: Sql): Promise<Audit> {
  const [found] = await sql.query<Audit>(audit, []);
  return found as Audit;
}
