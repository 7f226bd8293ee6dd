import type { orderContract } from '@stoa/contracts/order';
import { sse } from '@stoa/platform/http';
import type { Call, Handler } from '@stoa/platform/service';
import type { OrderDeps, OrderService } from '../deps.ts';
import { orderView } from '../order-view.ts';
import { findOrder } from '../owner.ts';
import { type OrderRecord, readOrders } from '../store/orders.ts';

const lookAgainMs = 30_000;
const ended = new Set(['rejected', 'cancelled', 'delivered']);

/**
 * The order at each change; `Last-Event-ID` is the version that the client has seen. When it has seen the last one, 204: an `EventSource` then asks no more
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */
export const streamOrder: Handler<typeof orderContract.operations.streamOrder, OrderDeps> = async (call, service) => {
  const first = await findOrder(call, service);
  const seen = Number(call.lastEventId ?? 0) || 0;
  if (ended.has(first.state.status) && first.state.version <= seen) return { status: 204 };
  return sse(call, changesOf(first, seen, call, service));
};

async function* changesOf(first: OrderRecord, from: number, call: Call, service: OrderService) {
  let seen = from;
  let record: OrderRecord | undefined = first;
  while (record && !call.signal.aborted) {
    const { version, status } = record.state;
    if (version > seen) yield { id: String(version), event: 'order', data: orderView(record) };
    seen = Math.max(seen, version);
    if (ended.has(status)) return;
    await service.deps.changes.next(first.id, seen, { timeoutMs: lookAgainMs, signal: call.signal });
    [record] = await readOrders(service.db, [first.id]);
  }
}
