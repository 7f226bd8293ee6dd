import { orderEvents } from '@stoa/contracts/order-messages';
import { zero } from '@stoa/platform/money';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../../announce.ts';
import type { OrderService } from '../../deps.ts';
import { aboutOrder } from '../../order-messages.ts';
import { reopenCart } from '../../store/carts.ts';
import { type CheckOut, origin } from './input.ts';

/** Everything has been let go: the order ends as cancelled where the customer asked for it, else as rejected; the cart it was made of is open again. */
export function endUnfulfilled(saga: CheckOut, tx: Tx, service: OrderService): void {
  const failure = saga.failure ?? { code: 'saga.failed', detail: 'The check-out failed.' };
  const at = service.clock.now();
  reopenCart(tx, saga.key);
  const { items, totals } = saga.state.state;
  const about = aboutOrder(saga.state.state);
  if (failure.code === 'order.cancelled') {
    const data = { ...failure, refunded: zero(totals.total.currency) };
    announce(tx, saga.state.record(tx, [{ type: 'order-cancelled', data }], origin(saga, at)), service);
    service.publish(tx, orderEvents.orderCancelled, {
      key: saga.key,
      payload: { ...about, items: [...items], totals, from: 'pending', ...failure, cancelledAt: at },
      cause: saga.cause,
    });
    return;
  }
  announce(tx, saga.state.record(tx, [{ type: 'order-rejected', data: failure }], origin(saga, at)), service);
  service.publish(tx, orderEvents.orderRejected, {
    key: saga.key,
    payload: { ...about, totals, ...failure, rejectedAt: at },
    cause: saga.cause,
  });
}
