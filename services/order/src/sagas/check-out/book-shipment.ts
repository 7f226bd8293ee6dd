import { shippingCommands } from '@stoa/contracts/shipping-messages';
import { commandStep } from '@stoa/platform/saga';
import type { CheckOut } from './input.ts';

/** Books the carrier, where anything is sent. */
export const bookShipment = commandStep({
  name: 'book shipment',
  when: ({ input }: CheckOut) => input.shippingMethod !== null,
  command: shippingCommands.bookShipment,
  payload: ({ key, input }: CheckOut) => ({
    orderId: key,
    contactId: input.contactId,
    method: input.shippingMethod ?? 'none',
    lines: [...input.lines],
  }),
  undoable: false,
  timeoutMs: 30_000,
});
