import type { Order, orderContract } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import type { Call, Handler } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../announce.ts';
import { checkOutName } from '../check-out-input.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { orderView, tagOf } from '../order-view.ts';
import { actorOf, findOrder, notFound } from '../owner.ts';
import { startCancellation } from '../start-cancellation.ts';
import { openOrders, readOrders } from '../store/orders.ts';

type CancelCall = Call<typeof orderContract.operations.cancelOrder>;

/** Cancels an order that has not shipped: turns its check-out back, or takes the confirmed order back; what is past its pivot first ends its check-out. */
export const cancelOrder: Handler<typeof orderContract.operations.cancelOrder, OrderDeps> = async (call, service) => {
  await findOrder(call, service);
  return once<Order, typeof orderContract.operations.cancelOrder>(call, service as never, {
    guest: call.orderToken,
    work: async (tx) => {
      await cancel(tx, call, service);
      return { resource: call.params.id };
    },
    settle: async (orderId) => {
      const [record] = await readOrders(service.db, [orderId]);
      if (!record) throw notFound(orderId);
      const order = orderView(record);
      return { status: 202, body: order, version: tagOf(order) };
    },
  });
};

async function cancel(tx: Tx, call: CancelCall, service: OrderService): Promise<void> {
  const { id } = call.params;
  const failure = { code: 'order.cancelled', detail: call.body.reason };
  // The saga first, then the order: the order in which replies lock them too.
  const turned = await service.sagas.cancel(tx, checkOutName, id, failure);
  // Locked even if nothing is left to do: the answer that is kept must not be of before an erasure.
  const order = (await openOrders(tx, [id])).get(id);
  if (turned === 'compensating') return;
  if (!order) throw notFound(id);
  const { status, cancellationRequested, shipments } = order.state;
  if (status === 'cancelled' || cancellationRequested !== null) return;
  if (status !== 'confirmed' || shipments.length > 0) {
    throw refusal(
      'order.not-cancellable',
      `The order is ${status === 'confirmed' ? 'partly shipped' : status} and can no longer be cancelled.`,
    );
  }
  const origin = { actor: actorOf(call.principal), at: service.clock.now() };
  announce(
    tx,
    order.record(tx, [{ type: 'cancellation-requested', data: { reason: call.body.reason } }], origin),
    service,
  );
  if (turned === 'none') startCancellation(tx, order.state, failure, call.cause, service);
}
