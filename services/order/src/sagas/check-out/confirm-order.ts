import { orderEvents } from '@stoa/contracts/order-messages';
import { localStep } from '@stoa/platform/saga';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../../announce.ts';
import type { OrderService } from '../../deps.ts';
import { aboutOrder } from '../../order-messages.ts';
import { type CheckOut, origin } from './input.ts';

/** The point of no return: the order is a sale. */
export const confirmOrder = localStep({
  name: 'confirm order',
  do(saga: CheckOut, tx: Tx, service: OrderService) {
    const { paymentId } = saga.outputs['authorise payment'] as { paymentId: string };
    const confirmedAt = service.clock.now();
    const state = saga.state.record(
      tx,
      [
        { type: 'payment-authorised', data: { paymentId, amount: saga.input.total } },
        { type: 'order-confirmed', data: {} },
      ],
      origin(saga, confirmedAt),
    );
    announce(tx, state, service);
    service.publish(tx, orderEvents.orderConfirmed, {
      key: state.id,
      payload: { ...aboutOrder(state), items: [...state.items], totals: state.totals, confirmedAt },
      cause: saga.cause,
    });
  },
});
