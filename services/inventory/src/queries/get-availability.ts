import type { inventoryContract } from '@stoa/contracts/inventory';
import type { Handler } from '@stoa/platform/service';
import { readDisplayed } from '../kept-stock.ts';

/** What is available of each SKU; those never stocked are left out. */
export const getAvailability: Handler<typeof inventoryContract.operations.getAvailability> = async (call, service) => {
  const skus = [...new Set(call.query.skus.map((sku) => sku.toUpperCase()))].sort();
  const shown = await readDisplayed(service, skus);
  return {
    body: skus.flatMap((sku) => {
      const stock = shown.get(sku);
      return stock ? [{ sku, available: stock.available }] : [];
    }),
  };
};
