import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Message } from '@stoa/platform/schema';
import fc from 'fast-check';
import { foldPiece, rebuild } from '../jobs/rebuild-projections.ts';
import { beginRebuild } from '../store/generations.ts';
import { cancelled, confirmed, refunded, registered, rejected, testOrder } from '../testing/events.ts';
import { startTestService, type TestService } from '../testing/hosted.ts';
import { hear } from './hear.ts';

let analytics: TestService;
before(async () => {
  analytics = await startTestService();
});
after(() => analytics.close());
beforeEach(async () => {
  await analytics.db.query('truncate heard, order_fact, order_line_fact, refund_fact, customer_fact, rebuild');
  await analytics.db.query('update projection set live = 1, building = null');
});

test('an event heard twice is logged once and counted once', async () => {
  const event = confirmed(testOrder());
  await hearAll([event]);
  await hearAll([event, event]);
  assert.equal(await countRows('heard'), 1);
  assert.equal(await countRows('order_fact'), 1);
});

test('a batch that fails leaves neither log nor facts', async () => {
  const broken = { ...confirmed(testOrder()), id: 'no id' };
  await assert.rejects(hearAll([confirmed(testOrder()), broken]));
  assert.deepEqual([await countRows('heard'), await countRows('order_fact')], [0, 0]);
});

test('the log keeps nothing that somebody has written', async () => {
  const event = registered('2010-12-01T00:00:00.000Z');
  const written = { metadata: { name: 'Ann' }, detail: 'Ann does not want it', reason: 'call Ann' };
  await hearAll([{ ...event, payload: { ...(event.payload as object), ...written } }]);
  const [entry] = await analytics.db.query<{ payload: object }>('select payload from heard');
  assert.doesNotMatch(JSON.stringify(entry?.payload), /Ann/);
});

test('replay from zero gives the live facts, however the events were cut, mixed and repeated', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { minLength: 1, maxLength: 30 }), async (arrivals) => {
      await hearInBatches(story(arrivals), arrivals);
      const before = await liveFacts();
      await analytics.db.transaction((tx) => beginRebuild(tx));
      await rebuild(analytics.db);
      assert.deepEqual(await liveFacts(), before);
    }),
    { numRuns: 25 },
  );
});

test('events heard while a rebuild runs are in its result once', async () => {
  const early = Array.from({ length: 50 }, () => confirmed(testOrder()));
  await hearAll(early);
  await analytics.db.transaction((tx) => beginRebuild(tx));
  // One already logged comes again, one of an order that the rebuild has yet to fold, and new ones.
  const order = testOrder();
  await hearAll([early[0]!, confirmed(order), refunded(order, 100, '2010-12-05T00:00:00.000Z')]);
  assert.equal(await foldPiece(analytics.db), true);
  await hearAll([cancelled(order)]);
  const expected = await liveFacts();
  await rebuild(analytics.db);
  assert.deepEqual(await liveFacts(), expected);
  assert.equal(await countRows('order_fact'), 51);
});

test('a rebuild beside many writers loses nothing and leaves only its own generation', async () => {
  const orders = Array.from({ length: 400 }, () => testOrder());
  const write = async (mine: typeof orders) => {
    for (const order of mine) {
      await hearAll([confirmed(order)]);
      await hearAll([cancelled(order)]);
    }
  };
  const writers = [0, 1, 2, 3].map((at) => write(orders.filter((_, index) => index % 4 === at)));
  const rebuilds = (async () => {
    for (let round = 0; round < 5; round++) {
      await analytics.db.transaction((tx) => beginRebuild(tx));
      await rebuild(analytics.db);
    }
  })();
  await Promise.all([...writers, rebuilds]);
  const [facts] = await analytics.db.query<{ orders: number; cancelled: number; generations: number; lines: number }>(
    `select count(*) as orders, count(*) filter (where confirmed and cancelled) as cancelled, count(distinct generation) as generations,
            (select count(*) from order_line_fact) as lines
     from order_fact`,
  );
  assert.deepEqual(facts, { orders: 400, cancelled: 400, generations: 1, lines: 400 });
  assert.deepEqual(await analytics.db.query('select live, building from projection'), [{ live: 6, building: null }]);
});

test('a transaction that is slow to commit is in the rebuild that began before it ended', async () => {
  const slow = confirmed(testOrder());
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let heardSlow = () => {};
  const hasHeard = new Promise<void>((resolve) => {
    heardSlow = resolve;
  });
  const writing = analytics.db.transaction(async (tx) => {
    await hear([slow], tx);
    heardSlow();
    await released;
  });
  await hasHeard;
  const rebuilding = analytics.db.transaction((tx) => beginRebuild(tx)).then(() => rebuild(analytics.db));
  release();
  await Promise.all([writing, rebuilding]);
  assert.equal((await liveFacts()).orders.length, 1);
});

/** Which order an event is about (few, so that they meet), what happens to it, and whether the batch ends after it or it comes twice. */
const arrival = fc.record({
  order: fc.nat({ max: 4 }),
  kind: fc.constantFrom('confirmed', 'cancelled', 'refunded', 'rejected', 'registered'),
  endsBatch: fc.boolean(),
  twice: fc.boolean(),
});
type Arrival = typeof arrival extends fc.Arbitrary<infer A> ? A : never;

function story(arrivals: readonly Arrival[]): Message[] {
  const orders = Array.from({ length: 5 }, (_, at) => testOrder({ currency: at % 2 === 0 ? 'GBP' : 'EUR' }));
  return arrivals.map(({ order: at, kind }) => {
    const order = orders[at]!;
    if (kind === 'confirmed') return confirmed(order);
    if (kind === 'cancelled') return cancelled(order);
    if (kind === 'refunded') return refunded(order, 10, '2010-12-09T00:00:00.000Z');
    if (kind === 'rejected') return rejected(order);
    return registered('2010-12-01T00:00:00.000Z');
  });
}

async function hearInBatches(events: readonly Message[], arrivals: readonly Arrival[]): Promise<void> {
  const batch: Message[] = [];
  for (const [at, event] of events.entries()) {
    batch.push(event);
    if (arrivals[at]!.twice) batch.push(event);
    if (arrivals[at]!.endsBatch) await hearAll(batch.splice(0));
  }
  await hearAll(batch);
}

function hearAll(messages: readonly Message[]): Promise<void> {
  return analytics.db.transaction((tx) => hear(messages, tx));
}

async function countRows(table: string): Promise<number> {
  const [row] = await analytics.db.query<{ rows: number }>(`select count(*) as rows from ${table}`);
  return row!.rows;
}

/** The facts that are read, without the number of their generation. */
async function liveFacts(): Promise<Record<'orders' | 'lines' | 'refunds' | 'customers', object[]>> {
  const read = (table: string, key: string) =>
    analytics.db.query<object>(
      `select to_jsonb(f) - 'generation' as fact from ${table} f where generation = (select live from projection) order by ${key}`,
    );
  const [orders, lines, refunds, customers] = await Promise.all([
    read('order_fact', 'order_id'),
    read('order_line_fact', 'order_id, line_id'),
    read('refund_fact', 'refund_id'),
    read('customer_fact', 'user_id'),
  ]);
  return { orders: orders!, lines: lines!, refunds: refunds!, customers: customers! };
}
