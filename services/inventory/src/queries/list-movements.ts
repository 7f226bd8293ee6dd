import type { inventoryContract } from '@stoa/contracts/inventory';
import { decodeCursor, pageOf } from '@stoa/platform/http';
import { Type } from '@stoa/platform/schema';
import type { Handler } from '@stoa/platform/service';
import { noSuchStock } from '../domain/stock.ts';
import { findMovements } from '../store/ledger.ts';

const limitDefault = 20;
const position = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** Every movement of a SKU, the latest first. */
export const listMovements: Handler<typeof inventoryContract.operations.listMovements> = async (call, { db }) => {
  const { limit = limitDefault, cursor } = call.query;
  const sku = call.params.sku.toUpperCase();
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(position, cursor);
  const rows = await findMovements(db, { sku, before, limit: limit + 1 });
  // Stock begins with a movement, so that a ledger without one belongs to no SKU.
  if (rows.length === 0 && cursor === undefined) throw noSuchStock(sku);
  const page = pageOf(rows, limit, ({ seq }) => seq);
  return { body: { ...page, items: page.items.map(({ seq: _, ...movement }) => movement) } };
};
