import { shippingCommands } from '@stoa/contracts/shipping-messages';
import { crashPoint } from '@stoa/platform/lifecycle';
import type { Outcome } from '@stoa/platform/schema';
import { commandHandler } from '@stoa/platform/service';
import { insertText, type Tx } from '@stoa/platform/sql';

const insert = insertText(
  'booking',
  { order_id: 'uuid', contact_id: 'uuid', method: 'text', lines: 'jsonb' },
  'on conflict (order_id) do nothing',
);

const done: Outcome<Record<never, never>> = { kind: 'done', output: {} };

/** Books what is to be sent, once an order. */
export const bookShipment = commandHandler<typeof shippingCommands.bookShipment, undefined>(
  shippingCommands.bookShipment,
  {
    async doMany(commands, tx) {
      const rows = commands.map(({ payload: { orderId, contactId, method, lines } }) => ({
        order_id: orderId,
        contact_id: contactId,
        method,
        lines,
      }));
      await tx.query(insert, [JSON.stringify(rows)]);
      crashPoint('shipment.before-commit');
      return commands.map(() => done);
    },
    async undoMany(commands, tx) {
      await cancel(
        tx,
        commands.map(({ payload }) => payload.orderId),
      );
      return commands.map(() => done);
    },
  },
);

/** Cancels what was booked for an order; an order that nothing was booked for has nothing to cancel. */
export const cancelShipment = commandHandler<typeof shippingCommands.cancelShipment, undefined>(
  shippingCommands.cancelShipment,
  {
    async doMany(commands, tx) {
      await cancel(
        tx,
        commands.map(({ payload }) => payload.orderId),
      );
      return commands.map(() => done);
    },
    async undoMany() {
      throw new Error('a cancelled shipment is not booked again');
    },
  },
);

function cancel(tx: Tx, orderIds: readonly string[]): Promise<unknown> {
  return tx.query(`update booking set status = 'cancelled' where order_id = any($1::uuid[])`, [orderIds]);
}
