import type { Databases } from './databases.ts';
import type { Findings } from './findings.ts';

const kinds = ['received', 'returned', 'adjusted', 'sold', 'damaged'];

interface CountRow {
  readonly sku: string;
  readonly location_id: string;
  readonly adds_up: boolean;
  readonly ledger_agrees: boolean;
  readonly reserved: number;
  readonly held: number;
  readonly sold: number;
  readonly bought: number;
}

/** I1 and the half of I2 that lies in the inventory: counts, ledger and reservations, SKU by SKU. */
export async function checkStockTables({ of }: Databases, findings: Findings): Promise<void> {
  const rows = await of.inventory.query<CountRow>(
    `with ledgers as (
       select sku, location_id, ${kinds.map((kind) => `coalesce(sum(quantity) filter (where kind = '${kind}'), 0) as ${kind}`).join(', ')}
       from ledger group by sku, location_id
     ), reservations as (
       select sku, location_id, coalesce(sum(quantity) filter (where state = 'held'), 0) as held,
              coalesce(sum(quantity) filter (where state = 'sold'), 0) as bought
       from reservation group by sku, location_id
     )
     select sku, location_id,
            coalesce(s.received + s.returned + s.adjusted - s.sold - s.damaged = s.on_hand
              and least(s.on_hand - s.reserved, s.reserved, s.on_hand, s.received, s.returned, s.sold, s.damaged) >= 0, false) as adds_up,
            (${kinds.map((kind) => `coalesce(s.${kind}, 0) = coalesce(l.${kind}, 0)`).join(' and ')}) as ledger_agrees,
            coalesce(s.reserved, 0) as reserved, coalesce(r.held, 0) as held, coalesce(s.sold, 0) as sold, coalesce(r.bought, 0) as bought
     from stock s full join ledgers l using (sku, location_id) full join reservations r using (sku, location_id)`,
  );
  for (const row of rows) {
    const about = `SKU ${row.sku} at ${row.location_id}`;
    findings.expect('I1', row.adds_up && row.ledger_agrees, about, () =>
      row.adds_up ? 'its counts are not the sums of its ledger' : 'its counts do not add up, or one is negative',
    );
    const owned = row.reserved === row.held && row.sold === row.bought;
    findings.expect(
      'I2',
      owned,
      about,
      () => `${row.reserved} reserved and ${row.sold} sold; orders hold ${row.held} and have bought ${row.bought}`,
    );
  }
}
