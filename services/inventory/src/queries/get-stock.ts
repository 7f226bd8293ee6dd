import type { inventoryContract } from '@stoa/contracts/inventory';
import { isStaff } from '@stoa/platform/http';
import type { Handler } from '@stoa/platform/service';
import { noSuchStock } from '../domain/stock.ts';
import { findStock } from '../store/stock-rows.ts';

/** What is available of a SKU; for staff, every count. */
export const getStock: Handler<typeof inventoryContract.operations.getStock> = async (call, { db }) => {
  const sku = call.params.sku.toUpperCase();
  const stock = await findStock(db, sku);
  if (!stock) throw noSuchStock(sku);
  const staff = isStaff(call.principal, ['support', 'merchandiser', 'operator']);
  return { body: staff ? stock : { sku, available: stock.available }, version: stock.version };
};
