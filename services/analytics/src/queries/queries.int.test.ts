import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { newId } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import { hear } from '../reactions/hear.ts';
import { cancelled, confirmed, refunded, registered, rejected, testOrder } from '../testing/events.ts';
import { startTestService, type TestService } from '../testing/hosted.ts';
import { exportSales } from './export-sales.ts';
import { getSeries } from './get-series.ts';
import { getSummary } from './get-summary.ts';
import { getTopProducts } from './get-top-products.ts';

let analytics: TestService;
before(async () => {
  analytics = await startTestService();
});
after(() => analytics.close());
beforeEach(async () => {
  await analytics.db.query('truncate heard, order_fact, order_line_fact, refund_fact, customer_fact');
});

test('a summary of nothing is zero', async () => {
  const { body } = await analytics.ask(getSummary, {});
  assert.deepEqual(body, {
    currency: 'EUR',
    currencies: [],
    orders: 0,
    revenue: { amount: 0, currency: 'EUR' },
    averageOrderValue: { amount: 0, currency: 'EUR' },
    refunds: { amount: 0, currency: 'EUR' },
    cancelled: 0,
    rejected: 0,
    newCustomers: 0,
    asOf: null,
  });
});

test('revenue is of confirmed orders that were not cancelled, refunds are theirs, and the difference is what the ledger keeps', async () => {
  const kept = testOrder();
  const dropped = testOrder();
  const last = registered('2010-12-01T00:00:00.000Z');
  await hearAll(
    confirmed(kept),
    refunded(kept, 255, '2010-12-05T00:00:00.000Z'),
    confirmed(dropped),
    refunded(dropped, 1530, '2010-12-05T00:00:00.000Z'),
    cancelled(dropped),
    rejected(testOrder()),
    cancelled(testOrder(), 'pending'),
    last,
  );
  const { body } = await analytics.ask(getSummary, { currency: 'GBP' });
  assert.deepEqual(body, {
    currency: 'GBP',
    currencies: ['GBP'],
    orders: 1,
    revenue: { amount: 1530, currency: 'GBP' },
    averageOrderValue: { amount: 1530, currency: 'GBP' },
    refunds: { amount: 255, currency: 'GBP' },
    cancelled: 2,
    rejected: 1,
    newCustomers: 1,
    asOf: { eventId: last.id, at: last.occurredAt },
  });
});

test('a period includes its first instant and excludes its last', async () => {
  const at = '2010-12-01T08:26:00.000Z';
  await hearAll(confirmed(testOrder({ placedAt: at })));
  const ordersIn = async (from: string, to: string) => (await analytics.ask(getSummary, { from, to })).body?.orders;
  assert.equal(await ordersIn(at, '2010-12-01T08:26:00.001Z'), 1);
  assert.equal(await ordersIn('2010-12-01T08:00:00Z', at), 0);
});

test('refunds count by their own date, not by the order’s', async () => {
  const order = testOrder({ placedAt: '2010-12-01T00:00:00.000Z' });
  await hearAll(confirmed(order), refunded(order, 100, '2011-01-15T00:00:00.000Z'));
  const january = { from: '2011-01-01T00:00:00Z', to: '2011-02-01T00:00:00Z' };
  const { body } = await analytics.ask(getSummary, january);
  assert.deepEqual([body?.orders, body?.revenue.amount, body?.refunds.amount, body?.currency], [0, 0, 100, 'GBP']);
});

test('without a currency the most used one answers, and the others are named', async () => {
  await hearAll(
    confirmed(testOrder({ currency: 'EUR' })),
    confirmed(testOrder({ currency: 'EUR' })),
    confirmed(testOrder({ currency: 'GBP' })),
  );
  const { body } = await analytics.ask(getSummary, {});
  assert.deepEqual([body?.currency, body?.currencies, body?.orders], ['EUR', ['EUR', 'GBP'], 2]);
});

test('a series leaves no interval out', async () => {
  await hearAll(
    confirmed(testOrder({ placedAt: '2010-12-01T23:59:59.999Z' })),
    confirmed(testOrder({ placedAt: '2010-12-03T00:00:00.000Z' })),
  );
  const query = { interval: 'day', from: '2010-12-01T00:00:00Z', to: '2010-12-05T00:00:00Z' } as const;
  const orders = await analytics.ask(getSeries, { ...query, metric: 'orders' });
  assert.deepEqual(
    orders.body?.points.map((point) => point.value),
    [1, 0, 1, 0],
  );
  assert.equal(orders.body?.points[1]?.start, '2010-12-02T00:00:00.000Z');
  const revenue = await analytics.ask(getSeries, { ...query, metric: 'revenue' });
  assert.deepEqual(revenue.body?.points[2]?.value, { amount: 1530, currency: 'GBP' });
});

test('weeks and months of the database are the weeks and months of the answer', async () => {
  const order = testOrder({ placedAt: '2010-12-31T12:00:00.000Z' });
  await hearAll(confirmed(order), refunded(order, 7, '2011-01-02T12:00:00.000Z'));
  const period = { from: '2010-12-15T00:00:00Z', to: '2011-01-15T00:00:00Z' };
  const week = await analytics.ask(getSeries, { ...period, metric: 'refunds', interval: 'week' });
  const found = week.body?.points.find((point) => (point.value as { amount: number }).amount === 7);
  assert.equal(found?.start, '2010-12-27T00:00:00.000Z');
  const month = await analytics.ask(getSeries, { ...period, metric: 'refunds', interval: 'month' });
  assert.deepEqual(
    month.body?.points.map((point) => (point.value as { amount: number }).amount),
    [0, 7],
  );
});

test('a series of too many points is refused', async () => {
  const query = {
    metric: 'orders',
    interval: 'hour',
    from: '1970-01-01T00:00:00Z',
    to: '9999-01-01T00:00:00Z',
  } as const;
  await assert.rejects(analytics.ask(getSeries, query), { code: 'request.invalid' });
});

test('the best sold come first, by money or by pieces, under their newest title', async () => {
  const [lamp, mug] = [newId(), newId()];
  await hearAll(
    confirmed(
      testOrder({
        placedAt: '2010-12-02T00:00:00.000Z',
        lines: [{ sku: 'L1', productId: lamp, title: 'New lamp', quantity: 1, price: 5000 }],
      }),
    ),
    confirmed(
      testOrder({
        placedAt: '2010-12-01T00:00:00.000Z',
        lines: [{ sku: 'L2', productId: lamp, title: 'Old lamp', quantity: 1, price: 5000 }],
      }),
    ),
    confirmed(
      testOrder({
        lines: [
          { sku: 'M', productId: mug, title: 'Mug', quantity: 9, price: 100 },
          { sku: 'X', productId: null, quantity: 3, price: 1 },
        ],
      }),
    ),
  );
  const byRevenue = await analytics.ask(getTopProducts, {});
  assert.deepEqual(byRevenue.body?.items, [
    {
      productId: lamp,
      skus: ['L1', 'L2'],
      title: 'New lamp',
      quantity: 2,
      revenue: { amount: 10000, currency: 'GBP' },
    },
    { productId: mug, skus: ['M'], title: 'Mug', quantity: 9, revenue: { amount: 900, currency: 'GBP' } },
    { productId: null, skus: ['X'], title: 'X', quantity: 3, revenue: { amount: 3, currency: 'GBP' } },
  ]);
  const byQuantity = await analytics.ask(getTopProducts, { by: 'quantity', limit: 1 });
  assert.deepEqual(
    byQuantity.body?.items.map((item) => item.productId),
    [mug],
  );
});

test('goods of a cancelled order are not sold', async () => {
  const order = testOrder();
  await hearAll(confirmed(order), cancelled(order));
  assert.deepEqual((await analytics.ask(getTopProducts, {})).body?.items, []);
});

test('the export has every order once, over its pages, with decimals and a status', async () => {
  const orders = Array.from({ length: 1_001 }, () => testOrder());
  await hearAll(...orders.map(confirmed), refunded(orders[0]!, 5, '2010-12-02T00:00:00.000Z'), cancelled(orders[1]!));
  const lines = await exported({});
  assert.equal(lines[0], 'order_id,number,placed_at,status,currency,total,refunded');
  assert.equal(lines.length, 1_002);
  assert.equal(new Set(lines).size, 1_002);
  assert.match(lines.find((line) => line.startsWith(orders[0]!.orderId))!, /,confirmed,GBP,15\.30,0\.05$/);
  assert.match(lines.find((line) => line.startsWith(orders[1]!.orderId))!, /,cancelled,GBP,15\.30,0\.00$/);
});

test('the export of lines runs no formula and repeats none', async () => {
  const lines = Array.from({ length: 1_500 }, () => ({
    sku: '=1+1',
    productId: null,
    title: '@SUM(A1), "all"',
    quantity: 1,
    price: 5,
  }));
  await hearAll(confirmed(testOrder({ lines })), rejected(testOrder()));
  const rows = await exported({ rows: 'lines' });
  assert.equal(rows.length, 1_501);
  assert.equal(new Set(rows).size, 1_501);
  assert.ok(rows[1]?.endsWith(`,'=1+1,"'@SUM(A1), ""all""",1,0.05`), rows[1]);
});

test('orders without lines do not cut an export of lines short', async () => {
  const early = Array.from({ length: 150 }, () => rejected(testOrder({ placedAt: '2010-01-01T00:00:00.000Z' })));
  await hearAll(...early, confirmed(testOrder()));
  assert.equal((await exported({ rows: 'lines' })).length, 2);
});

async function hearAll(...messages: Message[]): Promise<void> {
  await analytics.db.transaction((tx) => hear(messages, tx));
}

async function exported(query: { rows?: 'orders' | 'lines' }): Promise<string[]> {
  const { stream } = await analytics.ask(exportSales, query);
  const text = (await stream!.toArray()).join('');
  assert.ok(text.endsWith('\r\n'));
  return text.slice(0, -2).split('\r\n');
}
