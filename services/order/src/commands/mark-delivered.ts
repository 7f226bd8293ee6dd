import type { orderContract, Shipment } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import type { Call, Handler } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../announce.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { actorOf } from '../owner.ts';
import { recordProgress } from '../record-progress.ts';
import { type OpenOrder, openOrders } from '../store/orders.ts';
import { orderOfShipment } from '../store/shipments.ts';

type DeliveredCall = Call<typeof orderContract.operations.markDelivered>;

/** Says that a shipment has arrived; the order is delivered when all have. Saying it twice changes nothing. */
export const markDelivered: Handler<typeof orderContract.operations.markDelivered, OrderDeps> = (call, service) =>
  once<Shipment, typeof orderContract.operations.markDelivered>(call, service as never, {
    work: async (tx) => ({ resource: call.params.id, answer: { status: 200, body: await deliver(tx, call, service) } }),
  });

async function deliver(tx: Tx, call: DeliveredCall, service: OrderService): Promise<Shipment> {
  const { id } = call.params;
  const orderId = await orderOfShipment(tx, id);
  const order = orderId && (await openOrders(tx, [orderId])).get(orderId);
  if (!order) throw refusal('shipment.not-found', `There is no shipment ${id}.`);
  const now = service.clock.now();
  const origin = { actor: actorOf(call.principal), at: now };
  if (shipmentOf(order, id).deliveredAt === null) {
    order.record(tx, [{ type: 'shipment-delivered', data: { shipmentId: id } }], origin);
    recordProgress(tx, order, origin, call.cause, service);
    announce(tx, order.state, service);
  }
  return shipmentOf(order, id);
}

function shipmentOf(order: OpenOrder, id: string): Shipment {
  return order.state.shipments.find((shipment) => shipment.id === id) as Shipment;
}
