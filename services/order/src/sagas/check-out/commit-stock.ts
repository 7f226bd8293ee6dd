import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { commandStep } from '@stoa/platform/saga';
import type { CheckOut } from './input.ts';

/** Turns what is held into what is sold. */
export const commitStock = commandStep({
  name: 'commit stock',
  command: inventoryCommands.commitStock,
  payload: ({ key }: CheckOut) => ({ orderId: key }),
  undoable: false,
  timeoutMs: 30_000,
});
