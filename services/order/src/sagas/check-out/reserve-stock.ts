import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { commandStep } from '@stoa/platform/saga';
import type { CheckOut } from './input.ts';

/** Holds the goods. Undone by letting them go. */
export const reserveStock = commandStep({
  name: 'reserve stock',
  command: inventoryCommands.reserveStock,
  payload: ({ key, input }: CheckOut) => ({
    orderId: key,
    lines: input.lines.map(({ sku, quantity }) => ({ sku, quantity })),
  }),
  undoable: true,
  timeoutMs: 15 * 60_000,
  timeoutFailure: { code: 'order.out-of-stock', detail: 'The stock could not be reserved in time.' },
});
