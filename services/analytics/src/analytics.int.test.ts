import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { analyticsContract } from '@stoa/contracts/analytics';
import { orderEvents } from '@stoa/contracts/order-messages';
import { createClients } from '@stoa/platform/client';
import { newId } from '@stoa/platform/ids';
import { nobodyWaits, type PayloadOf, type Principal } from '@stoa/platform/schema';
import { defineService, opsContract, run } from '@stoa/platform/service';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import pino from 'pino';
import { analytics } from './service.ts';
import { confirmed, testOrder } from './testing/events.ts';

type Running = Awaited<ReturnType<typeof run>>;
const log = pino({ level: 'silent' });
const databases = new Map<string, TestDatabase>();
let running: Running;
before(async () => {
  for (const name of ['analytics', 'order']) databases.set(name, await testDatabase(name));
  const order = defineService({
    name: 'order',
    contract: { service: 'order', operations: {}, events: orderEvents, commands: {}, errors: {} },
  });
  running = await run([analytics as never, order as never], {
    environment: {},
    log,
    version: 'test',
    databaseUrl: async (name) => databases.get(name)!.url,
  });
});
after(async () => {
  await running.stop();
  for (const database of databases.values()) await database.drop();
});

test('what the order service tells is in the figures, and the fold holds', async () => {
  await tellOfOrders(3);
  const summary = await until(async () => {
    const answer = await client().getSummary({ query: { currency: 'GBP' } }, asked('support'));
    return answer.orders === 3 && answer;
  });
  assert.deepEqual(summary.revenue, { amount: 4_590, currency: 'GBP' });
  const [check] = await checks();
  assert.deepEqual(check, { name: 'I9', held: true, checked: 3, violations: [] });
});

test('customers see no figures', async () => {
  await assert.rejects(client().getSummary({}, asked('customer')), { code: 'auth.forbidden' });
});

test('a damaged figure is found, named, and mended by a rebuild', async () => {
  await tellOfOrders(1);
  const db = running.services.get('analytics')!.service.db;
  await until(async () => (await db.query('select from order_fact')).length === 4);
  const [damaged] = await db.query<{ order_id: string }>(
    'update order_fact set total = total + 1 where order_id = (select min(order_id::text)::uuid from order_fact) returning order_id',
  );
  const [check] = await checks();
  assert.deepEqual([check?.held, check?.violations], [false, [{ witness: `order ${damaged!.order_id}` }]]);
  await client().startRebuild({}, { cause: { correlationId: newId() }, deadlineMs: nobodyWaits });
  await until(async () => (await checks())[0]?.held);
});

test('planted damage of every kind of fact has a witness', async () => {
  const db = running.services.get('analytics')!.service.db;
  await db.query(
    `insert into refund_fact select live, gen_random_uuid(), gen_random_uuid(), 'GBP', 1, now() from projection`,
  );
  await db.query('insert into customer_fact select live, gen_random_uuid(), now() from projection');
  await db.query('update order_line_fact set quantity = quantity + 1');
  const [check] = await checks();
  const kinds = new Set(check!.violations.map(({ witness }) => witness.split(' ')[0]));
  assert.deepEqual([...kinds].sort(), ['customer', 'line', 'refund']);
});

function client() {
  const http = running.services.get('analytics')!.http;
  return createClients({ caller: 'test', local: new Map([['analytics', http]]), log }).client(analyticsContract);
}

async function checks() {
  const http = running.services.get('analytics')!.http;
  const ops = createClients({ caller: 'test', local: new Map([['analytics', http]]), log }).client(
    opsContract('analytics'),
  );
  return (await ops.checkInvariants({}, { cause: { correlationId: newId() }, deadlineMs: nobodyWaits })).checks;
}

function asked(role: 'support' | 'customer') {
  const principal: Principal = { kind: 'user', userId: newId(), role, sessionId: newId() };
  return { cause: { correlationId: newId() }, deadlineMs: nobodyWaits, principal };
}

async function tellOfOrders(orders: number): Promise<void> {
  const { service } = running.services.get('order')!;
  await service.db.transaction(async (tx) => {
    for (let at = 0; at < orders; at++) {
      const { key, payload, cause } = confirmed(testOrder());
      const told = payload as PayloadOf<typeof orderEvents.orderConfirmed>;
      service.publish(tx, orderEvents.orderConfirmed, { key, payload: told, cause });
    }
  });
}

async function until<T>(what: () => Promise<T | undefined | false>): Promise<T> {
  const deadlineMs = Date.now() + 10_000;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (Date.now() > deadlineMs) throw new Error(`it did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
