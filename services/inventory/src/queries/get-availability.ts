import type { inventoryContract } from '@stoa/contracts/inventory';
import type { Handler } from '@stoa/platform/service';
import { findAvailability } from '../store/stock-rows.ts';

/** What is available of each SKU; those never stocked are left out. */
export const getAvailability: Handler<typeof inventoryContract.operations.getAvailability> = async (call, { db }) => ({
  body: await findAvailability(
    db,
    call.query.skus.map((sku) => sku.toUpperCase()),
  ),
});
