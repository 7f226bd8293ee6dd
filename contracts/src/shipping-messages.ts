import { command, IdText, strict, Type } from '@stoa/platform/schema';

/** Books the shipment of a confirmed order; its undo cancels the booking. */
const bookShipment = command(
  'shipping',
  'shipment.book.v1',
  strict({
    orderId: IdText,
    contactId: IdText,
    method: Type.String(),
    lines: Type.Array(strict({ lineId: IdText, sku: Type.String(), quantity: Type.Integer({ minimum: 1 }) })),
  }),
  strict({}),
);

/** Cancels what was booked for an order, if anything was. */
const cancelShipment = command('shipping', 'shipment.cancel.v1', strict({ orderId: IdText }), strict({}));

export const shippingCommands = { bookShipment, cancelShipment };
