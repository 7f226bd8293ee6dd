import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { anonymous, type Principal } from '@stoa/platform/schema';
import { asker, merchandiser, receive, reserve, startTestInventory, type TestInventory } from '../testing/hosted.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(() => shop.close());

const customer: Principal = { kind: 'user', userId: newId(), role: 'customer', sessionId: newId() };
const support: Principal = { kind: 'user', userId: newId(), role: 'support', sessionId: newId() };

describe('looking at stock', () => {
  it('shows everybody what is available and only staff the rest', async () => {
    await receive(shop, 'CLOCK', 3);
    for (const principal of [anonymous, customer]) {
      assert.deepEqual(await shop.api.getStock({ params: { sku: 'clock' } }, { ...asker, principal }), {
        sku: 'CLOCK',
        available: 3,
      });
    }
    assert.partialDeepStrictEqual(
      await shop.api.getStock({ params: { sku: 'clock' } }, { ...asker, principal: support }),
      { onHand: 3, lowStockThreshold: 5 },
    );
    await assert.rejects(shop.api.getStock({ params: { sku: 'NEVER' } }, asker), { code: 'inventory.not-found' });
    await assert.rejects(shop.ledgerOf('NEVER'), { code: 'inventory.not-found' });
  });

  it('shows what is there now as soon as it has changed, whoever looked before', async () => {
    const guest = { ...asker, principal: anonymous };
    const shown = async () => (await shop.api.getStock({ params: { sku: 'GLOBE' } }, guest)).available;
    const seen: number[] = [];
    await receive(shop, 'GLOBE', 3);
    seen.push(await shown());
    await receive(shop, 'GLOBE', 4);
    seen.push(await shown());
    await shop.carryOut([reserve(newId(), [{ sku: 'GLOBE', quantity: 2 }])]);
    seen.push(await shown());
    assert.deepEqual(seen, [3, 7, 5]);
  });

  it('lists it page by page, and what is low by the threshold of each SKU', async () => {
    for (let at = 1; at <= 5; at++) await receive(shop, `ZZ-${at}`, at * 3);
    const setting = { params: { sku: 'zz-5' }, body: { lowStockThreshold: 15 } };
    const changed = await shop.api.changeStockSettings(setting, { ...asker, principal: merchandiser });
    assert.partialDeepStrictEqual(changed, { lowStockThreshold: 15, version: 2 });
    const options = { ...asker, principal: support };
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await shop.api.listStock({ query: { limit: 2, ...(cursor && { cursor }) } }, options);
      seen.push(...page.items.map(({ sku }) => sku));
      cursor = page.nextCursor;
    }
    assert.deepEqual(seen, seen.toSorted());
    assert.deepEqual(seen.slice(-5), ['ZZ-1', 'ZZ-2', 'ZZ-3', 'ZZ-4', 'ZZ-5']);
    const low = await shop.api.listStock({ query: { limit: 100, lowStock: true } }, options);
    assert.deepEqual(
      low.items.map(({ sku }) => sku).filter((sku) => sku.startsWith('ZZ')),
      ['ZZ-1', 'ZZ-5'],
    );
  });

  it('pages through the ledger', async () => {
    for (let at = 1; at <= 5; at++) await receive(shop, 'DIARY', at);
    const options = { ...asker, principal: support };
    const first = await shop.api.listMovements({ params: { sku: 'diary' }, query: { limit: 3 } }, options);
    const cursor = first.nextCursor as string;
    const rest = await shop.api.listMovements({ params: { sku: 'diary' }, query: { limit: 3, cursor } }, options);
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ quantity }) => quantity),
      [5, 4, 3, 2, 1],
    );
    assert.equal(rest.nextCursor, null);
    await assert.rejects(shop.api.listMovements({ params: { sku: 'DIARY' }, query: { cursor: 'bm9uZQ' } }, options), {
      code: 'request.invalid',
    });
  });

  it('tells other services what is available of many SKUs', async () => {
    await Promise.all([receive(shop, 'PEN', 4), receive(shop, 'PEN', 2, 'east'), receive(shop, 'INK', 1)]);
    const found = await shop.api.getAvailability({ query: { skus: ['pen', 'INK', 'NEVER'] } }, asker);
    assert.deepEqual(found, [
      { sku: 'INK', available: 1 },
      { sku: 'PEN', available: 6 },
    ]);
  });
});
