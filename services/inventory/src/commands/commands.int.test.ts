import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { cause, commit, letGo, merchandiser, receive, reserve, restock, startTestInventory, type TestInventory } from '../testing/hosted.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(() => shop.close());

const stockOf = async (sku: string) => {
  const stock = await shop.api.getStock({ params: { sku } }, { cause });
  assert.ok('onHand' in stock);
  return stock;
};
const holdsOf = async (orderId: string) => (await shop.api.getHolds({ body: { orderIds: [orderId] } }, { cause }))[0];

describe('reserving stock', () => {
  it('holds what is there, and sells it when it is committed', async () => {
    await receive(shop, 'smoke', 5);
    const order = newId();
    assert.deepEqual(await shop.carryOut([reserve(order, [{ sku: 'SMOKE', quantity: 2 }])]), [{ kind: 'done', output: {} }]);
    assert.partialDeepStrictEqual(await stockOf('smoke'), { sku: 'SMOKE', onHand: 5, reserved: 2, available: 3 });
    assert.deepEqual(await holdsOf(order), { orderId: order, held: 2, sold: 0 });
    await shop.carryOut([commit(order)]);
    assert.partialDeepStrictEqual(await stockOf('smoke'), { onHand: 3, reserved: 0, available: 3, sold: 2, received: 5 });
    await shop.carryOut([restock(order, [{ sku: 'SMOKE', quantity: 2 }], { kind: 'cancelled' })]);
    assert.partialDeepStrictEqual(await stockOf('smoke'), { onHand: 5, reserved: 0, available: 5, sold: 0, received: 5 });
    assert.deepEqual(await holdsOf(order), { orderId: order, held: 0, sold: 0 });
    const { items } = await shop.api.listMovements({ params: { sku: 'SMOKE' } }, { cause, principal: merchandiser });
    assert.deepEqual(
      items.map(({ kind, quantity, reason, actor }) => ({ kind, quantity, reason, actor })),
      [
        { kind: 'sold', quantity: -2, reason: 'cancelled', actor: 'service order' },
        { kind: 'sold', quantity: 2, reason: null, actor: 'service order' },
        { kind: 'received', quantity: 5, reason: 'delivery', actor: `key ${(merchandiser as { keyId: string }).keyId}` },
      ],
    );
  });
});
