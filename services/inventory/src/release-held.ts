import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { crossesLimit } from './domain/shelf.ts';
import { lockReservations, writeBatch } from './store/batch.ts';
import { lockShelf, takeTurn } from './store/locking.ts';
import { tellChanges } from './tell-changes.ts';

/** Lets go what the orders still hold, and says of how many that was anything. */
export async function releaseHeld(
  service: Pick<Service, 'publish' | 'cache'>,
  tx: Tx,
  orders: readonly { readonly orderId: string; readonly cause: Cause }[],
): Promise<number> {
  await takeTurn(tx);
  const reservations = await lockReservations(
    tx,
    orders.map(({ orderId }) => orderId),
  );
  const held = [...reservations.values()].flat().filter(({ state }) => state === 'held');
  if (held.length === 0) return 0;
  const shelf = await lockShelf(
    tx,
    held.map(({ sku }) => sku),
  );
  for (const portion of held) shelf.release(portion);
  await writeBatch(tx, { stock: shelf.changes(), changed: held.map((row) => ({ ...row, state: 'released' })) });
  const causeByOrder = new Map(orders.map(({ orderId, cause }) => [orderId, cause]));
  const causeBySku = new Map(held.map(({ sku, orderId }) => [sku, causeByOrder.get(orderId) as Cause]));
  const causeOf = (sku: string) => causeBySku.get(sku) as Cause;
  tellChanges(service, tx, { changes: shelf.changedSkus(), worthTelling: crossesLimit, causeOf });
  return new Set(held.map(({ orderId }) => orderId)).size;
}
