import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '@stoa/contracts/order';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { newId } from '@stoa/platform/ids';
import { type HostedOrder, hostOrder } from '../testing/host-order.ts';
import { priced } from '../testing/neighbours.ts';

const { refundPayment } = paymentCommands;

let shop: HostedOrder;
before(async () => {
  shop = await hostOrder();
  shop.neighbours.later.clear();
  shop.neighbours.stock = new Map(['PEN', 'INK'].map((sku) => [sku, 1_000]));
  for (const sku of ['PEN', 'INK']) shop.neighbours.catalogue.set(sku, priced(sku, 250));
});
after(() => shop.close());

const support = { user: newId(), role: 'support' } as const;
const operator = { user: newId(), role: 'operator' } as const;
const address = { name: 'A', line1: '1 High Street', city: 'Bristol', postalCode: 'BS1 1AA', country: 'GB' };
const keyed = () => ({ headers: { 'idempotency-key': newId() } });
const read = async (id: string): Promise<Order> => (await shop.call('GET', `/api/v1/orders/${id}`, support)).body;

async function until(id: string, holds: (order: Order) => boolean): Promise<Order> {
  for (const deadlineMs = performance.now() + 20_000; ; await sleep(10)) {
    const order = await read(id);
    if (holds(order)) return order;
    assert.ok(performance.now() < deadlineMs, JSON.stringify(order));
  }
}

async function paid(items: readonly { sku: string; quantity: number }[]): Promise<Order> {
  const body = { email: 'guest@customer.example', items, shippingAddress: address, paymentToken: 'tok_approved' };
  const placed = await shop.call('POST', '/api/v1/orders', { ...keyed(), body });
  return until(placed.body.id, ({ payment }) => payment.status === 'captured');
}

const send = (id: string, body: object = {}) =>
  shop.call('POST', `/api/v1/orders/${id}/shipments`, { ...operator, ...keyed(), body: { carrier: 'Post', ...body } });

/** Gives one unit of a line back, and waits until that is done. */
async function giveBack(id: string, lineId: string | undefined, restock: boolean): Promise<void> {
  const body = { items: [{ lineId, quantity: 1 }], reason: 'not wanted', restock };
  const asked = await shop.call('POST', `/api/v1/orders/${id}/refunds`, { ...support, ...keyed(), body });
  assert.equal(asked.status, 202, JSON.stringify(asked.body));
  await until(id, ({ payment }) => payment.status !== 'captured');
}

describe('what is left to be sent', () => {
  it('is without the units that were put back into stock, which are sold to others', async () => {
    const { id, items } = await paid([{ sku: 'PEN', quantity: 2 }]);
    const lineId = items[0]?.lineId;
    await giveBack(id, lineId, true);
    assert.equal((await send(id, { items: [{ lineId, quantity: 2 }] })).status, 409);
    const sent = await send(id);
    assert.deepEqual(sent.body.items, [{ lineId, quantity: 1 }]);
    assert.equal((await read(id)).status, 'shipped');
  });

  it('is all of it when units came back that had been sent, or when money alone was given back', async () => {
    const sentBefore = await paid([{ sku: 'PEN', quantity: 2 }]);
    const lineId = sentBefore.items[0]?.lineId;
    await send(sentBefore.id, { items: [{ lineId, quantity: 1 }] });
    await giveBack(sentBefore.id, lineId, true);
    const moneyAlone = await paid([{ sku: 'PEN', quantity: 1 }]);
    await giveBack(moneyAlone.id, moneyAlone.items[0]?.lineId, false);
    for (const { id } of [sentBefore, moneyAlone]) {
      assert.equal((await send(id)).body.items?.[0]?.quantity, 1);
      assert.equal((await read(id)).status, 'shipped');
    }
  });

  it('is again what a refund had withdrawn, when that is refused', async () => {
    const { id, items } = await paid([{ sku: 'PEN', quantity: 2 }]);
    const lineId = items[0]?.lineId;
    shop.neighbours.later.add(refundPayment);
    const body = { items: [{ lineId, quantity: 1 }], reason: 'not wanted', restock: true };
    const asked = await shop.call('POST', `/api/v1/orders/${id}/refunds`, { ...support, ...keyed(), body });
    assert.deepEqual((await send(id)).body.items, [{ lineId, quantity: 1 }]);
    assert.equal((await send(id)).status, 409);
    assert.equal((await read(id)).status, 'confirmed');
    const { answers, later } = shop.neighbours;
    const name = `${refundPayment.type} ${asked.body.id}`;
    for (const deadlineMs = performance.now() + 20_000; !answers.has(name); await sleep(10))
      assert.ok(performance.now() < deadlineMs, 'the refund was not asked for');
    later.delete(refundPayment);
    const { version } = await read(id);
    await answers.get(name)?.({ kind: 'refused', code: 'payment.refund-exceeds-captured', detail: 'Too much.' });
    await until(id, (order) => order.version > version);
    assert.deepEqual((await send(id)).body.items, [{ lineId, quantity: 1 }]);
    assert.equal((await read(id)).status, 'shipped');
  });

  it('keeps an order from being cancelled, which tells parts from the whole', async () => {
    const { id, items } = await paid([{ sku: 'PEN', quantity: 2 }]);
    const cancel = async () => {
      const body = { reason: 'changed my mind' };
      const answer = await shop.call('POST', `/api/v1/orders/${id}/cancel`, { ...support, ...keyed(), body });
      return [answer.body.code, answer.body.detail];
    };
    await send(id, { items: [{ lineId: items[0]?.lineId, quantity: 1 }] });
    const refused = (how: string) => ['order.not-cancellable', `The order is ${how} and can no longer be cancelled.`];
    assert.deepEqual(await cancel(), refused('partly shipped'));
    await send(id);
    assert.deepEqual(await cancel(), refused('shipped'));
  });

  it('may become nothing by a refund: then the order has been shipped, and delivered when all that was sent has arrived', async () => {
    const { id, items } = await paid([
      { sku: 'PEN', quantity: 1 },
      { sku: 'INK', quantity: 1 },
    ]);
    const [pen, ink] = items;
    const sent = await send(id, { items: [{ lineId: pen?.lineId, quantity: 1 }] });
    const arrived = await shop.call('POST', `/api/v1/shipments/${sent.body.id}/delivered`, { ...operator, ...keyed() });
    assert.equal(arrived.status, 200);
    assert.equal((await read(id)).status, 'confirmed');
    await giveBack(id, ink?.lineId, true);
    assert.equal((await read(id)).status, 'delivered');
  });
});
