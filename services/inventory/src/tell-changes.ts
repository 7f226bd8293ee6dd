import { inventoryEvents } from '@stoa/contracts/inventory-messages';
import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import type { ChangedSku } from './domain/shelf.ts';

/** Tells how much there is now of SKUs that have changed. */
export function tellChanges(
  service: Pick<Service, 'publish'>,
  tx: Tx,
  { changes, causeOf }: { changes: readonly ChangedSku[]; causeOf: (sku: string) => Cause },
): void {
  for (const { sku, available, version } of changes) {
    service.publish(tx, inventoryEvents.stockChanged, {
      key: sku,
      payload: { sku, available, version },
      cause: causeOf(sku),
    });
  }
}
