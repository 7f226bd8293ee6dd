import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { checkInvariants } from '../queries/check-invariants.ts';
import {
  commit,
  done,
  letGo,
  receive,
  reserve,
  restock,
  startTestInventory,
  type TestCommand,
  type TestInventory,
} from '../testing/hosted.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(() => shop.close());

/** Cuts commands into batches of random sizes. */
function batches(commands: readonly TestCommand[]): TestCommand[][] {
  const cut: TestCommand[][] = [];
  for (let at = 0; at < commands.length; ) {
    const size = 1 + Math.floor(Math.random() * 12);
    cut.push(commands.slice(at, at + size));
    at += size;
  }
  return cut;
}

const deadlocks = async () => {
  const [row] = await shop.db.query<{ deadlocks: number }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
    [],
  );
  return row?.deadlocks;
};

describe('orders that come at once', () => {
  it('get five units exactly five times, however they are batched', async () => {
    for (let round = 1; round <= 20; round++) {
      const sku = `RACE-${round}`;
      await receive(shop, sku, 5);
      const commands = Array.from({ length: 50 }, () => reserve(newId(), [{ sku, quantity: 1 }]));
      const outcomes = (await Promise.all(batches(commands).map(shop.carryOut))).flat();
      assert.equal(outcomes.filter(({ kind }) => kind === 'done').length, 5);
      assert.equal(outcomes.filter(({ kind }) => kind === 'refused').length, 45);
      assert.partialDeepStrictEqual(await shop.stockOf(sku), { onHand: 5, reserved: 5, available: 0 });
    }
  });

  it('never wait for each other in a circle, whichever way round they name their SKUs', async () => {
    const skus = ['LOOP-A', 'LOOP-B', 'LOOP-C', 'LOOP-D'];
    await Promise.all(skus.map((sku) => receive(shop, sku, 10_000)));
    const before = await deadlocks();
    const orders = Array.from({ length: 80 }, (_, at) => {
      const lines = skus.map((sku) => ({ sku, quantity: 1 }));
      return { id: newId(), lines: at % 2 === 0 ? lines : lines.reverse() };
    });
    const reserved = await Promise.all(batches(orders.map(({ id, lines }) => reserve(id, lines))).map(shop.carryOut));
    assert.deepEqual(new Set(reserved.flat().map(({ kind }) => kind)), new Set(['done']));
    const second = orders.map(({ id, lines }, at) => (at % 3 === 0 ? letGo(id, lines) : commit(id)));
    await Promise.all([
      ...batches(second).map(shop.carryOut),
      ...skus.flatMap((sku) => [receive(shop, sku, 1), receive(shop, sku, 1, 'east')]),
    ]);
    assert.equal(await deadlocks(), before);
  });

  it('never wait for each other in a circle when commands of several kinds come in one batch', async () => {
    const skus = ['TURN-A', 'TURN-B'];
    await Promise.all(skus.map((sku) => receive(shop, sku, 1_000)));
    const before = await deadlocks();
    const line = (at: number) => [{ sku: skus[at % 2] as string, quantity: 1 }];
    const orders = Array.from({ length: 40 }, () => newId());
    await shop.carryOut(orders.map((order, at) => reserve(order, line(at))));
    // Each batch locks one SKU for its sales, then the other for its reservations.
    const pairs = orders.map((order, at) => shop.carryOut([commit(order), reserve(newId(), line(at + 1))]));
    assert.deepEqual(
      (await Promise.all(pairs)).flat(),
      orders.flatMap(() => [done, done]),
    );
    assert.equal(await deadlocks(), before);
  });

  it('and are cancelled by two restocks at once bring their goods back once', async () => {
    await receive(shop, 'TWICE', 10);
    for (let round = 1; round <= 10; round++) {
      const order = newId();
      const lines = [{ sku: 'TWICE', quantity: 2 }];
      await shop.carryOut([reserve(order, lines)]);
      await shop.carryOut([commit(order)]);
      const restockId = newId();
      const restocks = Array.from({ length: 5 }, () =>
        shop.carryOut([restock(order, lines, { kind: 'cancelled', restockId })]),
      );
      assert.deepEqual(
        (await Promise.all(restocks)).flat(),
        Array.from({ length: 5 }, () => done),
      );
      assert.partialDeepStrictEqual(await shop.stockOf('TWICE'), { onHand: 10, available: 10, sold: 0 });
    }
  });

  it('leave the books in order', async () => {
    for (const check of await checkInvariants(shop.service)) {
      assert.deepEqual(check.violations, []);
      assert.ok(check.checked >= 25);
    }
  });
});
