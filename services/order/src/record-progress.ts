import { orderEvents } from '@stoa/contracts/order-messages';
import type { Cause } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { OrderService } from './deps.ts';
import { type OrderState, unsent } from './domain/order.ts';
import { aboutOrder } from './order-messages.ts';
import type { OpenOrder } from './store/orders.ts';

interface Origin {
  readonly actor: string;
  readonly at: string;
}

/** Records that an order is shipped, when nothing of it is left to be sent, and that it is delivered, when all that was sent has arrived. */
export function recordProgress(tx: Tx, order: OpenOrder, origin: Origin, cause: Cause, service: OrderService): void {
  if (order.state.status === 'confirmed' && isSent(order.state))
    order.record(tx, [{ type: 'order-shipped', data: {} }], origin);
  if (order.state.status !== 'shipped' || order.state.shipments.some(({ deliveredAt }) => deliveredAt === null)) return;
  order.record(tx, [{ type: 'order-delivered', data: {} }], origin);
  service.publish(tx, orderEvents.orderDelivered, {
    key: order.state.id,
    payload: { ...aboutOrder(order.state), deliveredAt: origin.at },
    cause,
  });
}

function isSent(order: OrderState): boolean {
  // What a refund has withdrawn is to be sent again if it is refused.
  const isOpen = order.refunds.some(({ done, withdrawn = [] }) => !done && withdrawn.length > 0);
  return order.shipments.length > 0 && !isOpen && [...unsent(order).values()].every((left) => left === 0);
}
