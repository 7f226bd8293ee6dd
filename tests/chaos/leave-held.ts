import assert from 'node:assert/strict';
import type { Database } from '@stoa/platform/sql';

const heldForOrders = 5;

/**
 * Leaves in a dead shop what a skipped step may leave: stock held for orders that have ended. The check-outs will not come back to it, only the sweep of
 * the inventory does.
 */
export async function leaveHeld({ orders, inventory }: { orders: Database; inventory: Database }): Promise<void> {
  const ended = await orders.query<{ id: string }>(
    `select id from orders o where status in ('rejected', 'cancelled') and not exists (
      select from kit.saga s where s.key = o.id::text and s.status not in ('completed', 'compensated'))`,
    [],
  );
  await inventory.transaction(async (tx) => {
    const left = await tx.query<{ sku: string }>(
      `with chosen as (
        select order_id, sku, location_id from reservation
        where state = 'released' and sku like 'PLENTY-%' and order_id = any($1::uuid[]) order by order_id limit $2
      )
      update reservation r set state = 'held', at = now() - interval '2 minutes' from chosen
      where r.order_id = chosen.order_id and r.sku = chosen.sku and r.location_id = chosen.location_id
      returning r.sku`,
      [ended.map(({ id }) => id), heldForOrders],
    );
    assert.ok(left.length > 0, 'some orders have ended without being fulfilled');
    await tx.query(
      `update stock s set reserved = h.held, version = version + 1
      from (select sku, location_id, sum(quantity) as held from reservation where state = 'held' group by 1, 2) h
      where s.sku = h.sku and s.location_id = h.location_id`,
      [],
    );
  });
}
