import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { orderEvents } from '@stoa/contracts/order-messages';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { shippingCommands } from '@stoa/contracts/shipping-messages';
import { type Money, zero } from '@stoa/platform/money';
import { commandStep, localStep, type SagaView, saga } from '@stoa/platform/saga';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../../announce.ts';
import type { OrderDeps, OrderService } from '../../deps.ts';
import { aboutOrder } from '../../order-messages.ts';
import { type CancelInput, cancellationName } from '../../start-cancellation.ts';
import { type OpenOrder, openOrders } from '../../store/orders.ts';

type Cancellation = SagaView<CancelInput, OpenOrder>;

const cancelShipment = commandStep({
  name: 'cancel shipment',
  command: shippingCommands.cancelShipment,
  payload: ({ key }: Cancellation) => ({ orderId: key }),
  undoable: false,
  timeoutMs: 30_000,
});

const releasePayment = commandStep({
  name: 'release payment',
  command: paymentCommands.releasePayment,
  payload: ({ key }: Cancellation) => ({ orderId: key }),
  undoable: false,
  timeoutMs: 60_000,
});

const restock = commandStep({
  name: 'restock',
  command: inventoryCommands.restock,
  payload: ({ key, input }: Cancellation) => ({
    orderId: key,
    restockId: key,
    kind: 'cancelled' as const,
    lines: [...input.lines],
    reason: input.failure.code,
  }),
  undoable: false,
  timeoutMs: 30_000,
});

const endCancelled = localStep({
  name: 'end cancelled',
  do(cancellation: Cancellation, tx: Tx, service: OrderService) {
    const { failure } = cancellation.input;
    const { refunded } = (cancellation.outputs['release payment'] ?? {}) as { refunded?: Money };
    const at = service.clock.now();
    const { items, totals } = cancellation.state.state;
    const data = { ...failure, refunded: refunded ?? zero(totals.total.currency) };
    const origin = { actor: `saga:${cancellation.id}`, at };
    const state = cancellation.state.record(tx, [{ type: 'order-cancelled', data }], origin);
    announce(tx, state, service);
    service.publish(tx, orderEvents.orderCancelled, {
      key: state.id,
      payload: { ...aboutOrder(state), items: [...items], totals, from: 'confirmed', ...failure, cancelledAt: at },
      cause: cancellation.cause,
    });
  },
});

/** Takes a confirmed order back. There is no way back from it: every step goes forward until the money and the goods are where they were. */
export const cancelOrderSaga = saga<CancelInput, OpenOrder, OrderDeps>(cancellationName)
  .pivot()
  .step(cancelShipment)
  .step(releasePayment)
  .step(restock)
  .step(endCancelled)
  .build({ timeoutMs: 15 * 60_000, load: (keys, tx) => openOrders(tx, keys) });
