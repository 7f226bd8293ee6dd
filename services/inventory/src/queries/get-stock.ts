import type { inventoryContract } from '@stoa/contracts/inventory';
import { isStaff } from '@stoa/platform/http';
import type { Handler } from '@stoa/platform/service';
import { noSuchStock } from '../domain/stock.ts';
import { readDisplayed } from '../kept-stock.ts';
import { findStock } from '../store/stock-rows.ts';

/** What is available of a SKU; for staff, every count, as it is now. */
export const getStock: Handler<typeof inventoryContract.operations.getStock> = async (call, service) => {
  const sku = call.params.sku.toUpperCase();
  if (isStaff(call.principal, ['support', 'merchandiser', 'operator'])) {
    const stock = await findStock(service.db, sku);
    if (!stock) throw noSuchStock(sku);
    return { body: stock, version: stock.version };
  }
  const shown = (await readDisplayed(service, [sku])).get(sku);
  if (!shown) throw noSuchStock(sku);
  return { body: { sku, available: shown.available }, version: shown.version };
};
