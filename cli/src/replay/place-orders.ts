import { setTimeout as sleep } from 'node:timers/promises';
import { type Order, orderContract, type PlaceOrder } from '@stoa/contracts/order';
import { cliError } from '../cli-error.ts';
import { ShopError } from '../shop/shop-error.ts';
import { eachOf } from './each-of.ts';
import { asReplayed } from './find-orders.ts';
import { idempotencyKey } from './idempotency-key.ts';
import type { PlannedOrder } from './plan.ts';
import { currency, instant, missingOrders, type ReplayRun } from './replay-run.ts';

const { getOrder, listOrders, placeOrder } = orderContract.operations;
const waitS = 30;
const pollMs = 100;
const pendingMsMax = 300_000;

/** Places the missing orders and sees each of them end. */
export async function placeOrders(run: ReplayRun, customers: ReadonlyMap<string, string>): Promise<void> {
  const { plan, progress } = run;
  const pending = run.orders.flatMap((order, number) => (order?.status === 'pending' ? [number] : []));
  const missing = [...missingOrders(run)];
  progress.begin('orders', missing.length + pending.length);
  await eachOf([...missing, ...pending], run.atOnce, async (number) => {
    const planned = plan.order(number);
    const known = run.orders[number];
    const order = known
      ? await run.shop.call(getOrder, { params: { id: known.id } })
      : await place(run, planned, customers);
    run.orders[number] = asReplayed(await ended(run, order), planned, known === undefined);
    progress.advance();
  });
}

async function place(run: ReplayRun, planned: PlannedOrder, customers: ReadonlyMap<string, string>): Promise<Order> {
  const { shop, fileId, runId } = run;
  const body = requestOf(planned, customers, fileId);
  try {
    // The key is this run's own: what keeps an invoice from becoming two orders is its externalId, and a refusal of last week is no answer for today.
    return await shop.call(
      placeOrder,
      { body },
      { idempotencyKey: idempotencyKey('order', runId, planned.invoice), waitS },
    );
  } catch (error) {
    if (!(error instanceof ShopError) || error.code !== 'order.external-id-taken') throw error;
    const { items } = await shop.call(listOrders, { query: { externalId: planned.invoice } });
    const [order] = items;
    if (!order)
      throw cliError('conflict', `${error.message} It is not among the orders that can be seen.`, { cause: error });
    return order;
  }
}

function requestOf(planned: PlannedOrder, customers: ReadonlyMap<string, string>, fileId: string): PlaceOrder {
  const customerId = planned.customer === undefined ? undefined : customers.get(planned.customer);
  return {
    ...(customerId !== undefined && { customerId }),
    externalId: planned.invoice,
    placedAt: instant(planned.placedAtMs),
    currency,
    items: planned.items.map(({ sku, quantity, unitPrice }) => ({
      sku,
      quantity,
      unitPrice: { amount: unitPrice, currency },
    })),
    shippingMethod: 'none',
    taxExempt: true,
    paymentToken: 'tok_approved',
    metadata: { replay: fileId },
  };
}

async function ended({ shop }: ReplayRun, placed: Order): Promise<Order> {
  const endsAtMs = performance.now() + pendingMsMax;
  let order = placed;
  while (order.status === 'pending') {
    if (performance.now() > endsAtMs)
      throw cliError('failed', `Order ${order.number} is still pending after five minutes: look at npx stoa sagas.`);
    await sleep(pollMs);
    order = await shop.call(getOrder, { params: { id: order.id } });
  }
  return order;
}
