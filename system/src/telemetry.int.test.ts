import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpsTrace, OpsTraceDetail } from '@stoa/contracts/gateway';
import type { Order } from '@stoa/contracts/order';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import { newId } from '@stoa/platform/ids';
import { newDataDir } from '@stoa/platform/testing';
import { openShop, type Shop } from './main.ts';

type Spans = OpsTraceDetail['spans'];

interface Sending {
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

const admin = { email: 'admin@shop.example', password: 'correct horse battery' };
const sku = 'TRACED';

describe('a shop tells about itself', () => {
  let shop: Shop;
  let dataDir: string;
  let token: string;

  before(async () => {
    dataDir = await newDataDir('stoa-telemetry-');
    const environment = {
      PATH: process.env.PATH,
      PORT: '0',
      STOA_HOST: '127.0.0.1',
      STOA_METRICS_PORT: '0',
      STOA_TRACES_PER_SECOND: '100000',
      STOA_DATA_DIR: dataDir,
      STOA_RATE_LIMITS: 'off',
      STOA_LOG_LEVEL: 'error',
      STOA_ADMIN_EMAIL: admin.email,
      STOA_ADMIN_PASSWORD: admin.password,
      STOA_TEST_MODE: '1',
    };
    shop = await openShop({ environment, demo: false });
    token = (await ask<{ accessToken: string }>('POST', '/api/v1/auth/login', { body: admin })).accessToken;
    const price = { amount: 1_000, currency: 'EUR' };
    await ask('POST', '/api/v1/products', { body: { title: sku, status: 'active', variants: [{ sku, price }] } });
    const received = { kind: 'received', quantity: 5, reason: 'opening stock' };
    await ask('POST', `/api/v1/inventory/${sku}/adjustments`, { body: received });
  });

  after(async () => {
    await shop?.stop();
    await stopEmbeddedPostgres(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });

  test('one check-out comes out as one tree, from the request through every service to the provider', async () => {
    const { traceId, status } = await place(2);
    equal(status, 'confirmed');
    const spans = await traceOnce(traceId, 'effect send-mail');
    const ids = new Set(spans.map(({ spanId }) => spanId));
    deepEqual(
      spans.filter(({ parentSpanId }) => parentSpanId === null).map(({ name }) => name),
      ['POST /api/v1/orders'],
      'one root',
    );
    const lost = spans.filter(({ parentSpanId }) => parentSpanId !== null && !ids.has(parentSpanId));
    deepEqual(lost, [], 'every parent is in the trace');
    equal(ids.size, spans.length, 'every span has its own id');
    deepEqual(new Set(spans.map((span) => span.traceId)), new Set([traceId]));

    const way = (name: string, service: string) => pathTo(spans, name, service).join(' > ');
    equal(
      way('stock.reserve.v1', 'inventory'),
      'order POST /api/v1/orders > order check-out: reserve stock > inventory stock.reserve.v1',
    );
    equal(
      way('effect payment-authorise', 'payment'),
      'order POST /api/v1/orders > order check-out: authorise payment > payment payment.authorise.v1 > payment effect payment-authorise',
    );
    ok(way('check-out: confirm order', 'order'));
    ok(way('order.confirmed.v1', 'notification'));
    ok(way('effect send-mail', 'notification'));
    deepEqual(
      spans.filter(({ error }) => error !== null),
      [],
    );
  });

  test('how long a message waited is a span beside what was made of it', async () => {
    const { traceId } = await place(1);
    const spans = await traceOnce(traceId, 'stock.reserve.v1');
    const handled = spans.find(({ name }) => name === 'stock.reserve.v1');
    const waits = spans.filter(
      ({ name, attributes }) => name === 'queue wait' && attributes.type === 'stock.reserve.v1',
    );
    equal(waits.length, 1);
    equal(waits[0]?.parentSpanId, handled?.parentSpanId);
    const waitEndMs = Date.parse(waits[0]?.startedAt ?? '') + (waits[0]?.durationMs ?? 0);
    ok(waitEndMs <= Date.parse(handled?.startedAt ?? '') + 1, 'the wait is over when it is handled');
  });

  test('a refused step fails in the trace with its code, and the undone steps come under the same request', async () => {
    const { traceId, status } = await place(1, 'tok_declined');
    equal(status, 'rejected');
    const spans = await traceOnce(traceId, 'check-out: undo reserve stock');
    const refused = spans.find(({ name }) => name === 'check-out: authorise payment');
    equal(refused?.error, 'payment.declined');
    const list = await ask<{ items: OpsTrace[] }>('GET', '/api/v1/ops/traces?limit=100');
    const summary = list.items.find((trace) => trace.traceId === traceId);
    deepEqual([summary?.name, summary?.failed], ['POST /api/v1/orders', true]);
    ok(summary?.services.includes('payment'));
  });

  test('trade, steps, lag and sagas are in the metrics with their figures', async () => {
    await place(50);
    await rest();
    const text = await (await fetch(shop.metricsUrl)).text();
    const value = (series: string) => {
      const line = text.split('\n').find((one) => one.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    };
    equal(value('stoa_orders_total{became="placed"}'), 4);
    equal(value('stoa_orders_total{became="confirmed"}'), 2);
    equal(value('stoa_orders_total{became="cancelled"}'), 0);
    equal(value('stoa_orders_rejected_total{code="payment.declined"}'), 1);
    equal(value('stoa_orders_rejected_total{code="order.out-of-stock"}'), 1);
    equal(value('stoa_stock_outs_total'), 1);
    equal(value('stoa_revenue_minor_units_total{currency="EUR"}'), confirmedTotal);
    const step = (name: string, mode: string, outcome: string) =>
      value(`stoa_saga_step_seconds_count{saga="check-out",step="${name}",mode="${mode}",outcome="${outcome}"}`);
    equal(step('reserve stock', 'do', 'done'), 3);
    equal(step('reserve stock', 'do', 'refused'), 1);
    equal(step('reserve stock', 'undo', 'done'), 1);
    equal(step('authorise payment', 'do', 'refused'), 1);
    for (const series of ['stoa_inbox_lag_seconds', 'stoa_dead_letters', 'stoa_outbox_messages']) {
      equal(value(`${series}{service="order"}`), 0, series);
    }
    equal(value('stoa_sagas{service="order",status="stuck"}'), 0);
    equal(value('stoa_effects{service="payment"}'), 0);
    match(text, /stoa_http_request_seconds_count\{service="order",operation="placeOrder"/);
  });

  let confirmedTotal = 0;

  /** Places an order and waits for its end. Its trace has the id of its request. */
  async function place(quantity: number, paymentToken = 'tok_approved'): Promise<{ traceId: string; status: string }> {
    const body = { items: [{ sku, quantity }], shippingAddress: address, paymentToken };
    const answer = await send('POST', '/api/v1/orders', { headers: { prefer: 'wait=20' }, body });
    const { status, totals } = (await answer.json()) as Order;
    if (status === 'confirmed') confirmedTotal += totals.total.amount;
    return { traceId: answer.headers.get('x-request-id')?.replaceAll('-', '') ?? '', status };
  }

  /** The spans of a trace once nothing is under way any more and one of that name is among them. */
  async function traceOnce(traceId: string, name: string): Promise<Spans> {
    await rest();
    const { spans } = await ask<OpsTraceDetail>('GET', `/api/v1/ops/traces/${traceId}`);
    ok(
      spans.some((span) => span.name === name),
      `no ${name} among ${spans.map((span) => span.name).join(', ')}`,
    );
    return spans;
  }

  async function rest(): Promise<void> {
    const byMs = Date.now() + 10_000;
    for (;;) {
      const { total } = await ask<{ total: Record<string, number> }>('GET', '/api/v1/ops/backlog');
      if (Object.values(total).every((count) => count === 0)) return;
      if (Date.now() > byMs) throw new Error(`still under way: ${JSON.stringify(total)}`);
      await sleep(50);
    }
  }

  async function ask<T>(method: string, path: string, how: Sending = {}): Promise<T> {
    const answer = await send(method, path, how);
    const answered = (await answer.json()) as T;
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answered)}`);
    return answered;
  }

  function send(method: string, path: string, { body, headers }: Sending): Promise<Response> {
    return fetch(`${shop.url}${path}`, {
      method,
      headers: {
        'idempotency-key': newId(),
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
});

const address = { name: 'A Customer', line1: '1 Road', city: 'Town', postalCode: '1000', country: 'DE' };

/** Names from the root down to a span. */
function pathTo(spans: Spans, name: string, service: string): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const way: string[] = [];
  for (
    let span = spans.find((one) => one.name === name && one.service === service);
    span !== undefined;
    span = span.parentSpanId === null ? undefined : byId.get(span.parentSpanId)
  ) {
    way.unshift(`${span.service} ${span.name}`);
  }
  return way;
}
