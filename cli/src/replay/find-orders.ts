import { type Order, orderContract } from '@stoa/contracts/order';
import { cliError } from '../cli-error.ts';
import type { PlannedOrder } from './plan.ts';
import { instant, type ReplayedOrder, type ReplayRun } from './replay-run.ts';

/** What an earlier run of the same file has left in the shop. */
export interface EarlierRun {
  /** Stock is received before the first order is placed, so an order of this file means that all of its stock is there. */
  readonly stockReceived: boolean;
}

/** Learns in one pass over the orders of the file's time which of its invoices are orders already. */
export async function findOrders(run: ReplayRun): Promise<EarlierRun> {
  const { plan, shop, fileId } = run;
  const numbers = new Map<string, number>();
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  for (let order = 0; order < plan.orderCount; order++) {
    numbers.set(plan.invoiceOf(order), order);
    fromMs = Math.min(fromMs, plan.placedAtMsOf(order));
    toMs = Math.max(toMs, plan.placedAtMsOf(order));
  }
  let stockReceived = false;
  if (numbers.size === 0) return { stockReceived };
  const query = { from: instant(fromMs), to: instant(toMs + 1) };
  for await (const found of shop.list(orderContract.operations.listOrders, { query })) {
    const number = found.externalId === null ? undefined : numbers.get(found.externalId);
    if (number === undefined) continue;
    run.orders[number] = asReplayed(found, plan.order(number), false);
    stockReceived ||= found.metadata.replay === fileId;
  }
  return { stockReceived };
}

/** An order of the shop as one of the file; refuses one that has the invoice's number and is about something else. */
export function asReplayed(order: Order, planned: PlannedOrder, isNew: boolean): ReplayedOrder {
  const { total } = order.totals;
  if (total.amount !== planned.total || total.currency !== 'GBP' || order.items.length !== planned.items.length) {
    throw cliError(
      'conflict',
      `The shop has another order with the externalId ${planned.invoice} (${order.number}): ${order.items.length} items for ${total.amount} ${total.currency} in minor units, where the file has ${planned.items.length} for ${planned.total} GBP.`,
    );
  }
  return { id: order.id, status: order.status, refunded: order.payment.refunded.amount, isNew };
}
