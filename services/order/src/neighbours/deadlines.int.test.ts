import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import type { Principal } from '@stoa/platform/schema';
import { type HostedOrder, hostOrder } from '../testing/host-order.ts';
import { priced } from '../testing/neighbours.ts';

let shop: HostedOrder;
before(async () => {
  shop = await hostOrder();
  for (const sku of ['PEN', 'INK']) shop.neighbours.catalogue.set(sku, priced(sku, 250));
});
after(() => shop.close());

const shippingAddress = {
  name: 'A Customer',
  line1: '1 High Street',
  city: 'Bristol',
  postalCode: 'BS1 1AA',
  country: 'GB',
};

/** How a customer's request is handed on with so much time left. */
function waitingMs(ms: number, principal: Principal = customer()) {
  return { cause: { correlationId: newId() }, principal, deadlineMs: Date.now() + ms, idempotencyKey: newId() };
}

function customer(): Principal {
  return { kind: 'user', userId: newId(), role: 'customer', sessionId: newId() };
}

it('an order asks its neighbours for no longer than its customer waits', async () => {
  const { neighbours, client } = shop;
  neighbours.deadlines.clear();
  const how = waitingMs(1_000);
  const items = [{ sku: 'PEN', quantity: 1 }];
  await client.placeOrder({ body: { items, shippingAddress, paymentToken: 'tok_approved' } }, how);
  assert.deepEqual([...neighbours.deadlines.keys()].sort(), ['getContact', 'getPrices', 'quoteShipping']);
  for (const [operation, [deadlineMs = 0]] of neighbours.deadlines)
    assert.ok(deadlineMs <= how.deadlineMs, `${operation}: ${deadlineMs - how.deadlineMs} ms too long`);
});

it('a cart asks how much there is for a second, and for less when less is left', async () => {
  const { neighbours, client } = shop;
  for (const leftMs of [400, 5_000]) {
    const how = waitingMs(5_000);
    const cart = await client.createCart({ body: {} }, how);
    await client.setCartItem({ params: { id: cart.id, sku: 'PEN' }, body: { quantity: 1 } }, how);
    neighbours.deadlines.clear();
    const looking = { ...how, deadlineMs: Date.now() + leftMs };
    await client.getCart({ params: { id: cart.id } }, looking);
    const [deadlineMs = 0] = neighbours.deadlines.get('getAvailability') ?? [];
    assert.ok(deadlineMs <= Math.min(looking.deadlineMs, Date.now() + 1_000));
  }
});

it('one customer with little time does not cut short the question whose answer others wait for too', async () => {
  const { neighbours, service } = shop;
  await service.deps.catalogue.forget(['INK']);
  const asked = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  neighbours.held = () => {
    asked.resolve();
    neighbours.held = undefined;
    return end.promise;
  };
  const hurried = service.deps.catalogue.find(['INK'], waitingMs(200));
  await asked.promise;
  const patient = service.deps.catalogue.find(['INK'], waitingMs(5_000));
  await assert.rejects(hurried, { code: 'service.deadline-exceeded' });
  assert.equal((await patient).get('INK')?.price.amount, 250);
  end.resolve();
});
