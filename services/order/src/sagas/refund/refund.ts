import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import type { Refund } from '@stoa/contracts/order';
import { orderEvents } from '@stoa/contracts/order-messages';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { assert } from '@stoa/platform/errors';
import { commandStep, localStep, type SagaFailure, type SagaView, saga } from '@stoa/platform/saga';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../../announce.ts';
import type { OrderDeps, OrderService } from '../../deps.ts';
import { aboutOrder } from '../../order-messages.ts';
import { recordProgress } from '../../record-progress.ts';
import { type RefundInput, refundName } from '../../start-refund.ts';
import { type OpenOrder, openOrders } from '../../store/orders.ts';
import { readRefund, writeRefund } from '../../store/refunds.ts';

interface RefundState {
  readonly refund: Refund;
  readonly order: OpenOrder;
}

type Refunding = SagaView<RefundInput, RefundState>;

const refundPayment = commandStep({
  name: 'refund payment',
  command: paymentCommands.refundPayment,
  payload: ({ input: { refund } }: Refunding) => ({
    orderId: refund.orderId,
    refundId: refund.id,
    amount: refund.amount,
    refundedAt: refund.refundedAt,
  }),
  undoable: false,
  timeoutMs: 60_000,
  whenRefused(refunding: Refunding, refused: SagaFailure, tx: Tx, service: OrderService) {
    recordRefusal(refunding, refused, tx, service);
    return 'end';
  },
});

const restock = commandStep({
  name: 'restock',
  when: ({ input }: Refunding) => input.refund.restock && input.skus.length > 0,
  command: inventoryCommands.restock,
  payload: ({ input: { refund, skus } }: Refunding) => ({
    orderId: refund.orderId,
    restockId: refund.id,
    kind: 'returned' as const,
    lines: [...skus],
    reason: refund.reason,
  }),
  undoable: false,
  timeoutMs: 30_000,
  // A cancellation that has come in between has brought back all that was sold.
  whenRefused: ({ state: { order } }: Refunding) => (order.state.cancellationRequested === null ? undefined : 'on'),
});

const recordRefund = localStep({
  name: 'record refund',
  do({ id, state: { order, refund }, input, cause }: Refunding, tx: Tx, service: OrderService) {
    const { refundedAt } = refund;
    const origin = { actor: `saga:${id}`, at: service.clock.now() };
    order.record(tx, [{ type: 'order-refunded', data: { refundId: refund.id, refundedAt } }], origin);
    recordProgress(tx, order, origin, cause, service);
    const { state } = order;
    writeRefund(tx, { ...refund, status: 'done' });
    announce(tx, state, service);
    const skuOf = new Map(state.items.map((line) => [line.lineId, line.sku]));
    service.publish(tx, orderEvents.orderRefunded, {
      key: state.id,
      payload: {
        ...aboutOrder(state),
        refundId: refund.id,
        amount: refund.amount,
        items: input.refund.items.map((item) => ({ ...item, sku: skuOf.get(item.lineId) ?? '' })),
        reason: refund.reason,
        refundedAt,
      },
      cause,
    });
  },
});

/**
 * Gives money back, then the goods into stock. The money may be on its way as soon as it has been asked for, so there is no turning back: no answer means
 * asking again.
 */
export const refundSaga = saga<RefundInput, RefundState, OrderDeps>(refundName)
  .pivot()
  .step(refundPayment)
  .step(restock)
  .step(recordRefund)
  .build({ timeoutMs: 24 * 3_600_000, load: loadRefunds });

function recordRefusal(
  { id, state: { order, refund } }: Refunding,
  why: SagaFailure,
  tx: Tx,
  service: OrderService,
): void {
  const origin = { actor: `saga:${id}`, at: service.clock.now() };
  const { code, detail } = why;
  announce(
    tx,
    order.record(tx, [{ type: 'refund-refused', data: { refundId: refund.id, code, detail } }], origin),
    service,
  );
  writeRefund(tx, { ...refund, status: 'refused', failure: { code, detail } });
}

/** Keys are refunds; their orders are locked in the order of their ids. */
async function loadRefunds(keys: readonly string[], tx: Tx): Promise<ReadonlyMap<string, RefundState>> {
  const refunds = await Promise.all(keys.map((key) => readRefund(tx, key)));
  const orders = await openOrders(tx, [...new Set(refunds.flatMap((refund) => refund?.orderId ?? []))]);
  return new Map(
    refunds.map((refund) => {
      const order = refund && orders.get(refund.orderId);
      assert(order, 'a refund has its order');
      return [refund.id, { refund, order }];
    }),
  );
}
