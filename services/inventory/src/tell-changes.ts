import { inventoryEvents } from '@stoa/contracts/inventory-messages';
import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import type { ChangedSku } from './domain/shelf.ts';
import { forgetDisplayed } from './kept-stock.ts';

export interface Changes {
  readonly changes: readonly ChangedSku[];
  /** Which of them others hear of; all unless given. */
  readonly worthTelling?: (change: ChangedSku) => boolean;
  readonly causeOf: (sku: string) => Cause;
}

/** Tells how much there is now of SKUs that have changed, and forgets what was shown of them. */
export function tellChanges(
  service: Pick<Service, 'publish' | 'cache'>,
  tx: Tx,
  { changes, worthTelling = () => true, causeOf }: Changes,
): void {
  forgetDisplayed(
    service,
    tx,
    changes.map(({ sku }) => sku),
  );
  for (const { sku, available, version } of changes.filter(worthTelling)) {
    service.publish(tx, inventoryEvents.stockChanged, {
      key: sku,
      payload: { sku, available, version },
      cause: causeOf(sku),
    });
  }
}
