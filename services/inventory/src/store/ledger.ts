import type { Movement } from '@stoa/contracts/inventory';
import type { Sql } from '@stoa/platform/sql';

/** Movements of a SKU before a position, the latest first. */
export function findMovements(
  sql: Sql,
  { sku, before, limit }: { sku: string; before: number; limit: number },
): Promise<(Movement & { seq: number })[]> {
  return sql.query(
    `select seq, id, sku, kind, quantity, reason, actor, order_id as "orderId", location_id as "locationId", at
    from ledger where sku = $1 and seq < $2 order by seq desc limit $3`,
    [sku, before, limit],
  );
}
