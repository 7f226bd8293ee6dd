import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import { newId } from '@stoa/platform/ids';
import { address, type TestShop } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

/** Whose order it is. */
export function ownership({ place, test }: Conformance): void {
  let shop: TestShop;
  let alice: string;
  let bob: string;
  before(async () => {
    ({ shop } = place());
    await shop.stockUp('OWNED', 100);
    [alice, bob] = [await shop.register(), await shop.register()];
  });

  const paths = (id: string) => [`/api/v1/orders/${id}`, `/api/v1/orders/${id}/events`];

  test('its customer sees it, another customer is told that there is none', async () => {
    const { body: order } = await shop.place({ items: [{ sku: 'OWNED', quantity: 1 }] }, { token: alice, waitS: 30 });
    assert.equal(order.status, 'confirmed');
    for (const path of paths(order.id)) {
      assert.equal((await shop.ask('GET', path, { token: alice })).status, 200);
      assert.equal((await shop.ask('GET', path, { token: bob })).status, 404);
      assert.equal((await shop.asAdmin('GET', path)).status, 200);
    }
    const cancel = await shop.ask('POST', `/api/v1/orders/${order.id}/cancel`, {
      token: bob,
      body: { reason: 'not mine' },
    });
    assert.equal(cancel.status, 404);
    const lists = await Promise.all(
      [alice, bob].map((token) => shop.expect<{ items: Order[] }>(200, 'GET', '/api/v1/orders', { token })),
    );
    assert.deepEqual(
      lists.map(({ items }) => items.map(({ id }) => id)),
      [[order.id], []],
    );
  });

  test('a guest sees it with the token that came with it, and nobody without', async () => {
    const { body: order } = await shop.place({ items: [{ sku: 'OWNED', quantity: 1 }] }, { waitS: 30 });
    const { body: other } = await shop.place({ items: [{ sku: 'OWNED', quantity: 1 }] });
    const [own, foreign] = [String(order.orderToken), String(other.orderToken)];
    for (const path of paths(order.id)) {
      assert.equal((await shop.ask('GET', path, { headers: { 'x-order-token': own } })).status, 200);
      assert.equal((await shop.ask('GET', path, { headers: { 'x-order-token': foreign } })).status, 404);
      assert.equal((await shop.ask('GET', path, { token: alice })).status, 404);
      assert.ok([401, 404].includes((await shop.ask('GET', path)).status));
    }
    const shown = await shop.ask<Order>('GET', `/api/v1/orders/${order.id}`, { headers: { 'x-order-token': own } });
    assert.equal(shown.body.orderToken, undefined, 'the token is shown once');
    const cancel = { headers: { 'x-order-token': own }, body: { reason: 'changed my mind' } };
    assert.equal((await shop.ask('POST', `/api/v1/orders/${order.id}/cancel`, cancel)).status, 202);
    await shop.orderWhen(order.id, ({ status }) => status === 'cancelled');
  });

  test('a key of one caller is nothing to another', async () => {
    const key = newId();
    const items = [{ sku: 'OWNED', quantity: 1 }];
    const placed = await Promise.all([
      shop.place({ items }, { key, token: alice }),
      shop.place({ items }, { key, token: bob }),
      shop.place({ items, email: 'one@guest.example' }, { key }),
      shop.place({ items, email: 'other@guest.example' }, { key }),
    ]);
    assert.equal(new Set(placed.map(({ body }) => body.id)).size, 4);
  });

  test('what one service answers another is its own, whatever the other does with it', async () => {
    // Each in another query, so that nobody's cache answers.
    const methods = async (country: string) =>
      shop.expect(200, 'GET', `/api/v1/shipping-methods?country=${country}&currency=EUR`);
    const before = await methods('AT');
    for (const country of ['BE', 'DK']) {
      const shippingAddress = { ...address, country };
      const { status } = await shop.place({ items: [{ sku: 'OWNED', quantity: 1 }], shippingAddress }, { waitS: 30 });
      assert.equal(status, 201);
    }
    const after = await methods('SE');
    assert.deepEqual(after, before);
    return after;
  });
}
