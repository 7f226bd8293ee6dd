import { inventoryContract } from '@stoa/contracts/inventory';
import { defineService } from '@stoa/platform/service';
import { adjustStock } from './commands/adjust-stock.ts';
import { changeStockSettings } from './commands/change-stock-settings.ts';
import { commitStock } from './commands/commit-stock.ts';
import { reserveStock } from './commands/reserve-stock.ts';
import { restock } from './commands/restock.ts';
import { releaseEndedOrders } from './jobs/release-ended-orders.ts';
import { checkInvariants } from './queries/check-invariants.ts';
import { getAvailability } from './queries/get-availability.ts';
import { getHolds } from './queries/get-holds.ts';
import { getStock } from './queries/get-stock.ts';
import { listMovements } from './queries/list-movements.ts';
import { listStock } from './queries/list-stock.ts';

/** Stock: how much there is of each SKU, and what of it is promised to orders. */
export const inventory = defineService<never>({
  name: 'inventory',
  contract: inventoryContract,
  migrations: new URL('../migrations/', import.meta.url),
  routes: { listStock, getStock, changeStockSettings, listMovements, adjustStock, getHolds, getAvailability },
  commands: [reserveStock, commitStock, restock],
  jobs: [releaseEndedOrders],
  invariants: checkInvariants,
});
