import type { Order } from '@stoa/contracts/order';
import type { Answer, Call } from '@stoa/platform/service';
import type { OrderService } from '../deps.ts';
import { orderView } from '../order-view.ts';
import { notFound } from '../owner.ts';
import { type OrderRecord, readOrders } from '../store/orders.ts';

/** The answer to placing an order: waits, as `Prefer` asks, until it has left `pending`; 201 when it has, 202 when it has not. */
export async function settleOrder(
  orderId: string,
  call: Pick<Call, 'waitS' | 'signal'>,
  service: OrderService,
): Promise<Answer<Order>> {
  const endsAtMs = performance.now() + (call.waitS ?? 0) * 1000;
  if (call.waitS) await service.deps.changes.next(orderId, 1, { timeoutMs: endsAtMs - performance.now(), signal: call.signal });
  let record = await read(orderId, service);
  while (record.state.status === 'pending' && performance.now() < endsAtMs && !call.signal.aborted) {
    await service.deps.changes.next(orderId, record.state.version, { timeoutMs: endsAtMs - performance.now(), signal: call.signal });
    record = await read(orderId, service);
  }
  const order = orderView(record);
  return {
    status: order.status === 'pending' ? 202 : 201,
    body: order,
    headers: { location: `/api/v1/orders/${orderId}` },
    version: order.version,
  };
}

async function read(orderId: string, service: OrderService): Promise<OrderRecord> {
  const [record] = await readOrders(service.db, [orderId]);
  if (!record) throw notFound(orderId);
  return record;
}
