import { setTimeout as sleep } from 'node:timers/promises';
import { type Order, orderContract, type RequestRefund } from '@stoa/contracts/order';
import type { Money } from '@stoa/platform/money';
import { cliError } from '../cli-error.ts';
import { ShopError } from '../shop/shop-error.ts';
import { eachOf } from './each-of.ts';
import { idempotencyKey } from './idempotency-key.ts';
import type { PlannedRefund } from './plan.ts';
import { instant, isSold, type ReplayedOrder, type ReplayRun } from './replay-run.ts';

const { getOrder, listOrderEvents, refundOrder } = orderContract.operations;
const waitS = 30;
const pollMs = 50;
const settleMsMax = 300_000;
const triesMax = 5;

/** What was given back. Amount in pence. */
export interface RefundTotals {
  readonly amount: number;
  readonly units: number;
  /** Cancelling invoices of orders that the shop did not sell, so that nothing could be given back. */
  readonly impossible: readonly string[];
}

/** Gives back what the returns of the file say; what an earlier run gave back is found in the order's own history and not given again. */
export async function refundReturns(run: ReplayRun): Promise<RefundTotals> {
  const totals = { amount: 0, units: 0, impossible: [] as string[] };
  const byOrder = Map.groupBy(run.plan.refunds(), (refund) => refund.order);
  run.progress.begin('refunds', byOrder.size);
  await eachOf(byOrder, run.atOnce, async ([number, refunds]) => {
    const known = run.orders[number] as ReplayedOrder;
    if (!isSold(known)) totals.impossible.push(...refunds.map(({ invoice }) => invoice));
    else {
      await refundOrderOnce(run, known, refunds);
      for (const { amount, units } of refunds) {
        totals.amount += amount;
        totals.units += units;
      }
    }
    run.progress.advance();
  });
  return totals;
}

async function refundOrderOnce(run: ReplayRun, known: ReplayedOrder, refunds: readonly PlannedRefund[]): Promise<void> {
  // All of it has been given back by an earlier run.
  if (known.refunded === sumOf(refunds)) return;
  let earlier = known.isNew ? new Map<string, Asked>() : await refundsAsked(run, known.id);
  let order: Order | undefined;
  for (const refund of refunds) {
    for (let attempt = 1; ; attempt++) {
      const asked = earlier.get(reasonOf(refund));
      if (asked?.state === 'done') break;
      if (asked === undefined) {
        order ??= await captured(run, known.id);
        if (await ask(run, order, refund, attempt)) break;
      }
      if (attempt === triesMax)
        throw cliError('failed', `The shop does not refund ${refund.invoice} of order ${known.id}: see its events.`);
      await sleep(pollMs * attempt);
      earlier = await settled(run, known.id, reasonOf(refund));
    }
    const asked = earlier.get(reasonOf(refund));
    if (asked && asked.amount.amount !== refund.amount) {
      throw cliError(
        'conflict',
        `${refund.invoice} was refunded with ${asked.amount.amount} pence on order ${known.id}; in this file it comes to ${refund.amount}.`,
      );
    }
  }
  const [{ order: number }] = refunds as [PlannedRefund];
  const refunded = known.isNew
    ? sumOf(refunds)
    : (await run.shop.call(getOrder, { params: { id: known.id } })).payment.refunded.amount;
  run.orders[number] = { ...known, refunded };
}

function sumOf(refunds: readonly PlannedRefund[]): number {
  return refunds.reduce((sum, { amount }) => sum + amount, 0);
}

/** By this the refund is known again for ever, in the order's own events. */
function reasonOf({ invoice }: PlannedRefund): string {
  return `replay ${invoice}`;
}

/** Asks for the refund. False when it is not to be had at the moment, or another with the same key has been refused. */
async function ask({ shop }: ReplayRun, order: Order, refund: PlannedRefund, attempt: number): Promise<boolean> {
  const body: RequestRefund = {
    items: [...refund.items].map(([position, quantity]) => ({
      lineId: order.items[position]?.lineId as string,
      quantity,
    })),
    reason: reasonOf(refund),
    restock: true,
    refundedAt: instant(refund.refundedAtMs),
  };
  // A refusal is kept with its key, so that asking again takes another one.
  const key = idempotencyKey('refund', refund.invoice, attempt);
  try {
    const made = await shop.call(refundOrder, { params: { id: order.id }, body }, { idempotencyKey: key, waitS });
    return made.status === 'done';
  } catch (error) {
    if (error instanceof ShopError && error.code === 'payment.refund-exceeds-captured') return false;
    throw error;
  }
}

/** The order once its money has been taken: nothing can be given back before. */
async function captured({ shop }: ReplayRun, id: string): Promise<Order> {
  const endsAtMs = performance.now() + settleMsMax;
  for (;;) {
    const order = await shop.call(getOrder, { params: { id } });
    if (order.payment.captured.amount > 0) return order;
    if (performance.now() > endsAtMs) {
      throw cliError(
        'failed',
        `The payment of order ${order.number} has not been captured after five minutes: look at npx stoa sagas.`,
      );
    }
    await sleep(pollMs);
  }
}

interface Asked {
  readonly state: 'under-way' | 'done';
  readonly amount: Money;
}

/** What has been asked back of an order and not been refused, by its reason. */
async function refundsAsked({ shop }: ReplayRun, id: string): Promise<Map<string, Asked>> {
  const reasons = new Map<string, string>();
  const asked = new Map<string, Asked>();
  for (const { type, data } of await shop.call(listOrderEvents, { params: { id } })) {
    const { refundId, reason, amount } = data as { refundId?: string; reason?: string; amount?: Money };
    if (refundId === undefined) continue;
    if (type === 'refund-requested' && reason !== undefined && amount !== undefined) {
      reasons.set(refundId, reason);
      asked.set(reason, { state: 'under-way', amount });
    }
    const known = asked.get(reasons.get(refundId) ?? '');
    if (known === undefined) continue;
    if (type === 'order-refunded') asked.set(reasons.get(refundId) as string, { ...known, state: 'done' });
    if (type === 'refund-refused') asked.delete(reasons.get(refundId) as string);
  }
  return asked;
}

/** The refunds of an order once the one in question is no longer under way. */
async function settled(run: ReplayRun, id: string, reason: string): Promise<Map<string, Asked>> {
  const endsAtMs = performance.now() + settleMsMax;
  for (;;) {
    const asked = await refundsAsked(run, id);
    if (asked.get(reason)?.state !== 'under-way') return asked;
    if (performance.now() > endsAtMs)
      throw cliError(
        'failed',
        `The refund "${reason}" of order ${id} has not ended after five minutes: look at npx stoa sagas.`,
      );
    await sleep(pollMs);
  }
}
