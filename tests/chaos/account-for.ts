import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Order } from '@stoa/contracts/order';
import type { Payment } from '@stoa/contracts/payment';
import { type TestShop, until } from '../shop.ts';
import type { Acknowledged } from './crowd.ts';

/** What may become of an order that is paid with this token, when there is stock, nobody cancels and the provider can be reached. */
const endsOf: Readonly<Record<string, readonly Order['status'][]>> = {
  tok_declined: ['rejected'],
  tok_capture_fails: ['cancelled'],
};

/**
 * Holds the shop to account for everything it acknowledged, by its public API: every order has ended, in a way its payment allows; no other order
 * exists; stock and money are those of the orders.
 */
export async function accountFor(
  shop: TestShop,
  acknowledged: readonly Acknowledged[],
  received: ReadonlyMap<string, number>,
): Promise<void> {
  const orders = await allOrders(shop);
  const byWish = Map.groupBy(orders, (order) => String(order.metadata.wish));
  assert.deepEqual(
    orders.map(({ id }) => id).sort(),
    acknowledged.map(({ id }) => id).sort(),
    'no acknowledged order is lost and none exists that nobody placed',
  );
  for (const { key, id, paymentToken, afterwards } of acknowledged) {
    const [order, ...others] = byWish.get(key) ?? [];
    assert.equal(others.length, 0, `${key} was placed once`);
    assert.equal(order?.id, id, `${key} is the order that was acknowledged`);
    // Every try to reach the provider that is killed counts as one without an answer.
    if (afterwards === 'cancel' || /^(order.out-of-stock|payment.unavailable)$/.test(order.failure?.code ?? ''))
      continue;
    const ends = endsOf[paymentToken] ?? ['confirmed'];
    assert.ok(
      ends.includes(order.status),
      `${key} with ${paymentToken} is ${order.status} ${JSON.stringify(order.failure)}`,
    );
  }
  await Promise.all([stockAddsUp(shop, orders, received), moneyAddsUp(shop, orders)]);
}

/** `stoa verify`, told of every acknowledged order, finds nothing wrong by the API and in the databases. */
export async function verified(shop: TestShop, acknowledged: readonly Acknowledged[]): Promise<void> {
  const file = join(shop.dataDir, 'acknowledged.txt');
  await writeFile(file, acknowledged.map(({ id }) => `${id}\n`).join(''));
  const { code, output } = await shop.stoa('verify', '--json', '--databases', '--acknowledged', file, '--complete');
  assert.equal(code, 0, output);
}

/** Nothing is stuck or dead, and every invariant that the services check holds and was looked at. */
export async function invariantsHold(shop: TestShop): Promise<void> {
  const { checks } = await shop.invariants();
  assert.deepEqual(
    checks.filter(({ held }) => !held).map(({ name, violations }) => [name, violations]),
    [],
  );
  for (const name of ['I1', 'I3', 'I4', 'I5', 'I9']) {
    assert.ok(
      checks.some((check) => check.name === name && check.checked > 0),
      `${name} was looked at`,
    );
  }
  const stuck = await shop.expectAdmin<{ items: unknown[] }>(200, 'GET', '/api/v1/ops/sagas?status=stuck');
  assert.deepEqual(stuck.items, []);
  const dead = await shop.expectAdmin<{ items: unknown[] }>(200, 'GET', '/api/v1/ops/dead-letters');
  assert.deepEqual(dead.items, []);
}

export async function allOrders(shop: TestShop): Promise<Order[]> {
  const orders: Order[] = [];
  for (let cursor = ''; ; ) {
    const page = await shop.expectAdmin<{ items: Order[]; nextCursor: string | null }>(
      200,
      'GET',
      `/api/v1/orders?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    orders.push(...page.items);
    if (page.nextCursor === null) return orders;
    cursor = page.nextCursor;
  }
}

async function stockAddsUp(
  shop: TestShop,
  orders: readonly Order[],
  received: ReadonlyMap<string, number>,
): Promise<void> {
  for (const [sku, units] of received) {
    const stock = await shop.stock(sku);
    const sold = unitsOf(
      orders.filter(({ status }) => status === 'confirmed'),
      sku,
    );
    assert.equal(stock.reserved, 0, `nothing of ${sku} is held for orders that have ended`);
    assert.equal(stock.sold, sold, `${sku}: what is sold is what was confirmed`);
    assert.equal(stock.onHand, units - sold + stock.returned, `${sku}: nothing vanished`);
    assert.ok(sold <= units, `${sku} is not oversold`);
  }
}

function unitsOf(orders: readonly Order[], sku: string): number {
  return orders.flatMap(({ items }) => items).reduce((sum, item) => sum + (item.sku === sku ? item.quantity : 0), 0);
}

async function moneyAddsUp(shop: TestShop, orders: readonly Order[]): Promise<void> {
  const queue = orders.values();
  const worker = async () => {
    for (const order of queue) await moneyOfOrder(shop, order);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

async function moneyOfOrder(shop: TestShop, { id, status, totals, payment, failure }: Order): Promise<void> {
  // The order is told of a void or a refund after it has ended.
  const payments = await until(
    async () => (await shop.expectAdmin<{ items: Payment[] }>(200, 'GET', `/api/v1/payments?orderId=${id}`)).items,
    (found) => found.every(({ status: at }) => !['authorising', 'waiting', 'voiding', 'capturing'].includes(at)),
    15_000,
  );
  assert.ok(payments.length <= 1, `order ${id} has one payment`);
  const [paid] = payments;
  const captured = paid?.captured.amount ?? 0;
  const refunded = paid?.refunded.amount ?? 0;
  const charges = (paid?.captures ?? []).length;
  assert.ok(charges <= 1, `order ${id} was charged ${charges} times`);
  if (status === 'confirmed') {
    assert.equal(captured, totals.total.amount, `order ${id} was paid in full`);
    assert.equal(payment.captured.amount, captured, `order ${id} knows what was captured`);
    assert.equal(payment.refunded.amount, refunded, `order ${id} knows what was given back`);
  } else {
    assert.equal(captured - refunded, 0, `order ${id} is ${status} ${JSON.stringify(failure)} and keeps no money`);
    assert.ok(paid === undefined || paid.status !== 'authorised', `order ${id} is ${status} and holds no money`);
  }
}
