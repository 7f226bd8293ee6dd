import type { inventoryContract } from '@stoa/contracts/inventory';
import { Sku } from '@stoa/contracts/product';
import { decodeCursor, pageOf } from '@stoa/platform/http';
import type { Handler } from '@stoa/platform/service';
import { listStock as findList } from '../store/stock-rows.ts';

const limitDefault = 20;

/** Stock in order of SKU. */
export const listStock: Handler<typeof inventoryContract.operations.listStock> = async (call, { db }) => {
  const { limit = limitDefault, cursor, lowStock = false } = call.query;
  const afterSku = cursor === undefined ? '' : decodeCursor(Sku, cursor);
  const rows = await findList(db, { afterSku, limit: limit + 1, low: lowStock });
  return { body: pageOf(rows, limit, ({ sku }) => sku) };
};
