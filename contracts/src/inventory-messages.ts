import { command, event, IdText, oneOf, strict, Type } from '@stoa/platform/schema';

const lines = Type.Array(strict({ sku: Type.String(), quantity: Type.Integer({ minimum: 1 }) }), { minItems: 1 });

/** Holds the quantities for an order, all or none; its undo lets them go. Refused with `order.out-of-stock`. */
const reserveStock = command('inventory', 'stock.reserve.v1', strict({ orderId: IdText, lines }), strict({}));

/** Turns an order's reservation into a sale. */
const commitStock = command('inventory', 'stock.commit.v1', strict({ orderId: IdText }), strict({}));

/**
 * Takes sold goods back into stock. `cancelled`: the order no longer counts as sold; `returned`: it was sold and has come back (a refund).
 * `restockId` names the movement, so that it happens once: the order's id for a cancellation, the refund's for a return.
 */
const restock = command(
  'inventory',
  'stock.restock.v1',
  strict({ orderId: IdText, restockId: IdText, kind: oneOf(['cancelled', 'returned']), lines, reason: Type.String() }),
  strict({}),
);

const stockChanged = event(
  'inventory.stock-changed.v1',
  strict({ sku: Type.String(), available: Type.Integer({ minimum: 0 }), version: Type.Integer() }),
);

export const inventoryCommands = { reserveStock, commitStock, restock };
export const inventoryEvents = { stockChanged };
