import type { inventoryContract } from '@stoa/contracts/inventory';
import type { Handler } from '@stoa/platform/service';
import { findHolds } from '../store/reservations.ts';

/** What orders hold and have bought, in units. */
export const getHolds: Handler<typeof inventoryContract.operations.getHolds> = async (call, { db }) => ({
  body: await findHolds(db, call.body.orderIds),
});
