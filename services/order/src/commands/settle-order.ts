import type { Order } from '@stoa/contracts/order';
import type { Answer, Call } from '@stoa/platform/service';
import type { OrderService } from '../deps.ts';
import { orderView, tagOf } from '../order-view.ts';
import { notFound } from '../owner.ts';
import { type OrderRecord, readOrders } from '../store/orders.ts';

/**
 * The answer to placing an order: waits, as `Prefer` asks, until it has left `pending`; 201 when it has, 202 when it has not.
 *
 * @param placed the order as this process has just placed it; read from the database when another did
 */
export async function settleOrder(
  orderId: string,
  placed: OrderRecord | undefined,
  call: Pick<Call, 'waitS' | 'signal'>,
  service: OrderService,
): Promise<Answer<Order>> {
  const endsAtMs = performance.now() + (call.waitS ?? 0) * 1000;
  let record = placed ?? (await read(orderId, service));
  while (record.state.status === 'pending' && performance.now() < endsAtMs && !call.signal.aborted) {
    const timeoutMs = endsAtMs - performance.now();
    const state = await service.deps.changes.next(orderId, record.state.version, { timeoutMs, signal: call.signal });
    record = state ? { ...record, state } : await read(orderId, service);
  }
  const order = orderView(record);
  return {
    status: order.status === 'pending' ? 202 : 201,
    body: order,
    headers: { location: `/api/v1/orders/${orderId}` },
    version: tagOf(order),
  };
}

async function read(orderId: string, service: OrderService): Promise<OrderRecord> {
  const [record] = await readOrders(service.db, [orderId]);
  if (!record) throw notFound(orderId);
  return record;
}
