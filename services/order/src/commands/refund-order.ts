import type { orderContract, Refund } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import type { Answer, Call, Handler } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../announce.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { refundTerms } from '../domain/refund-request.ts';
import { actorOf, notFound } from '../owner.ts';
import { startRefund } from '../start-refund.ts';
import { openOrders, readOrders } from '../store/orders.ts';
import { readRefund, writeRefund } from '../store/refunds.ts';

type RefundCall = Call<typeof orderContract.operations.refundOrder>;

/** Gives money back. What is asked for is set aside on the order at once, so refunds that race cannot add up to more than was captured. */
export const refundOrder: Handler<typeof orderContract.operations.refundOrder, OrderDeps> = (call, service) =>
  once<Refund, typeof orderContract.operations.refundOrder>(call, service as never, {
    work: async (tx) => {
      const refund = await request(tx, call, service);
      return call.waitS ? { resource: refund.id } : { resource: refund.id, answer: { status: 202, body: refund } };
    },
    settle: (refundId) => settle(refundId, call, service),
  });

async function request(tx: Tx, call: RefundCall, service: OrderService): Promise<Refund> {
  const { body, params, cause } = call;
  const order = (await openOrders(tx, [params.id])).get(params.id);
  if (!order) throw notFound(params.id);
  if (order.state.cancellationRequested !== null) {
    throw refusal('payment.refund-exceeds-captured', 'The order is being cancelled, which gives back everything.');
  }
  const { amount, items } = refundTerms(order.state, body);
  const now = service.clock.now();
  const refund: Refund = {
    id: newId(),
    orderId: params.id,
    status: 'pending',
    amount,
    items,
    reason: body.reason,
    restock: body.restock ?? false,
    refundedAt: body.refundedAt === undefined ? now : new Date(body.refundedAt).toISOString(),
  };
  const requested = {
    type: 'refund-requested',
    data: { refundId: refund.id, amount, items, reason: body.reason, ...(refund.restock && { restock: true }) },
  } as const;
  announce(tx, order.record(tx, [requested], { actor: actorOf(call.principal), at: now }), service);
  writeRefund(tx, refund);
  startRefund(tx, refund, order.state, cause, service);
  return refund;
}

async function settle(refundId: string, call: RefundCall, service: OrderService): Promise<Answer<Refund>> {
  const endsAtMs = performance.now() + (call.waitS ?? 0) * 1000;
  for (;;) {
    const [record] = await readOrders(service.db, [call.params.id]);
    const refund = await readRefund(service.db, refundId);
    if (!refund || !record) throw notFound(call.params.id);
    const timeoutMs = endsAtMs - performance.now();
    if (refund.status === 'refused') {
      throw refusal(
        'payment.refund-exceeds-captured',
        refund.failure?.detail ?? 'The payment service refused the refund.',
      );
    }
    if (refund.status === 'done') return { status: 201, body: refund };
    if (timeoutMs <= 0 || call.signal.aborted) return { status: 202, body: refund };
    await service.deps.changes.next(record.id, record.state.version, { timeoutMs, signal: call.signal });
  }
}
