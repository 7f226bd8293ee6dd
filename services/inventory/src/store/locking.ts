import type { Sql, Tx } from '@stoa/platform/sql';
import { type LockedRow, Shelf } from '../domain/shelf.ts';
import { lowStockThresholdDefault, mainLocation } from '../domain/stock.ts';
import { stockColumns } from './stock-rows.ts';

const turns = new WeakSet<Tx>();

/**
 * Waits for this batch's turn. A batch may lock rows in several rounds (commands of several kinds come in one), and two that lock overlapping rounds
 * would wait for each other; so batches go one after the other in a database, which costs nothing where one inbox feeds it. Adjustments need no turn:
 * each locks one row.
 */
export async function takeTurn(tx: Tx): Promise<void> {
  if (turns.has(tx)) return;
  turns.add(tx);
  await tx.query(`select pg_advisory_xact_lock(hashtext('stock batch'))`, []);
}

const lock = `
select ${stockColumns}, coalesce(g.low_stock_threshold, ${lowStockThresholdDefault}) as "lowStockThreshold",
  coalesce(g.version, 0) as "settingVersion"
from stock s left join sku_setting g using (sku)
where s.sku = any($1)
order by s.sku, s.location_id <> '${mainLocation}', s.location_id
for update of s`;

/** Locks every location of the SKUs, in the order of SKUs. */
export async function lockShelf(tx: Sql, skus: Iterable<string>): Promise<Shelf> {
  return new Shelf(await tx.query<LockedRow>(lock, [[...new Set(skus)]]));
}
