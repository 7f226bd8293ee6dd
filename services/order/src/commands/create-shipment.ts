import type { orderContract, Shipment } from '@stoa/contracts/order';
import { orderEvents } from '@stoa/contracts/order-messages';
import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import type { Call, Handler } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../announce.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { type OrderEvent, type OrderState, unsent } from '../domain/order.ts';
import { aboutOrder } from '../order-messages.ts';
import { actorOf, notFound } from '../owner.ts';
import { recordProgress } from '../record-progress.ts';
import { openOrders } from '../store/orders.ts';
import { addShipment } from '../store/shipments.ts';

type ShipCall = Call<typeof orderContract.operations.createShipment>;

/** Says that goods have left: those named, or all that are still to be sent. The order is shipped when nothing is. */
export const createShipment: Handler<typeof orderContract.operations.createShipment, OrderDeps> = (call, service) =>
  once<Shipment, typeof orderContract.operations.createShipment>(call, service as never, {
    work: async (tx) => {
      const shipment = await send(tx, call, service);
      return { resource: shipment.id, answer: { status: 201, body: shipment } };
    },
  });

async function send(tx: Tx, call: ShipCall, service: OrderService): Promise<Shipment> {
  const { params, body, cause, principal } = call;
  const order = (await openOrders(tx, [params.id])).get(params.id);
  if (!order) throw notFound(params.id);
  const items = itemsToSend(order.state, body.items);
  const now = service.clock.now();
  const about = { carrier: body.carrier, trackingNumber: body.trackingNumber ?? null };
  const shipment: Shipment = { id: newId(), ...about, items, shippedAt: now, deliveredAt: null };
  const origin = { actor: actorOf(principal), at: now };
  const sent: OrderEvent = { type: 'shipment-sent', data: { shipmentId: shipment.id, ...about, items } };
  order.record(tx, [sent], origin);
  recordProgress(tx, order, origin, cause, service);
  announce(tx, order.state, service);
  addShipment(tx, { id: shipment.id, orderId: params.id });
  service.publish(tx, orderEvents.orderShipped, {
    key: params.id,
    payload: { ...aboutOrder(order.state), shipmentId: shipment.id, ...about, shippedAt: now },
    cause,
  });
  return shipment;
}

function itemsToSend(order: OrderState, asked: Shipment['items'] | undefined): Shipment['items'] {
  const left = unsent(order);
  const all = [...left].filter(([, quantity]) => quantity > 0).map(([lineId, quantity]) => ({ lineId, quantity }));
  if (order.status !== 'confirmed' || order.cancellationRequested !== null || all.length === 0) {
    throw refusal(
      'order.not-shippable',
      `The order is ${order.cancellationRequested === null ? order.status : 'being cancelled'}: nothing of it can be shipped.`,
    );
  }
  for (const [index, { lineId, quantity }] of (asked ?? []).entries()) {
    const available = left.get(lineId);
    if (available === undefined) {
      throw refusal('order.unknown-line', `The order has no line ${lineId}.`, {
        errors: [{ path: `/items/${index}/lineId`, message: 'is not a line of this order' }],
      });
    }
    if (quantity > available)
      throw refusal(
        'order.not-shippable',
        `Only ${available} of line ${lineId} are still to be shipped, not ${quantity}.`,
      );
    left.set(lineId, available - quantity);
  }
  return asked ?? all;
}
