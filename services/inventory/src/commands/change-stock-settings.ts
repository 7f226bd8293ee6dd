import type { inventoryContract } from '@stoa/contracts/inventory';
import { requireMatch } from '@stoa/platform/http';
import type { Handler } from '@stoa/platform/service';
import { noSuchStock } from '../domain/stock.ts';
import { forgetDisplayed } from '../kept-stock.ts';
import { changeThreshold, findStock, lockSku } from '../store/stock-rows.ts';

/** Sets how many available units of a SKU are few. */
export const changeStockSettings: Handler<typeof inventoryContract.operations.changeStockSettings> = async (
  call,
  service,
) => {
  const sku = call.params.sku.toUpperCase();
  const stock = await service.db.transaction(async (tx) => {
    await lockSku(tx, sku);
    const before = await findStock(tx, sku);
    if (!before) throw noSuchStock(sku);
    requireMatch(call, before.version);
    await changeThreshold(tx, sku, call.body.lowStockThreshold);
    forgetDisplayed(service, tx, [sku]);
    return findStock(tx, sku);
  });
  if (!stock) throw noSuchStock(sku);
  return { body: stock, version: stock.version };
};
