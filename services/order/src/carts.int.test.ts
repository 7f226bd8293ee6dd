import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@stoa/platform/ids';
import { forgetCarts } from './jobs/forget-carts.ts';
import { deleteCartsOf } from './store/carts.ts';
import { type HostedOrder, hostOrder, type Request } from './testing/host-order.ts';
import { outOfStock, priced, reserved } from './testing/neighbours.ts';

let shop: HostedOrder;
before(async () => {
  shop = await hostOrder();
});
after(() => shop.close());

beforeEach(() => {
  const { neighbours } = shop;
  for (const [sku, amount] of [
    ['PEN', 250],
    ['INK', 900],
    ['PAPER', 400],
  ] as const)
    sell(sku, amount);
  neighbours.stock = new Map([
    ['PEN', 10],
    ['INK', 2],
  ]);
  neighbours.reservation = reserved;
});

/** Sells a SKU at a price from now on. */
function sell(sku: string, amount: number, status: 'active' | 'archived' = 'active'): void {
  shop.neighbours.catalogue.set(sku, { ...priced(sku, amount), status });
  shop.service.deps.catalogue.forget([sku]);
}

async function newCart(request: Request = {}) {
  const { body, status, headers } = await shop.call('POST', '/api/v1/carts', { body: {}, ...request });
  assert.equal(status, 201);
  assert.equal(headers.get('location'), `/api/v1/carts/${body.id}`);
  return { id: body.id, path: `/api/v1/carts/${body.id}`, as: { user: request.user as string, cartToken: body.token } };
}

type NewCart = Awaited<ReturnType<typeof newCart>>;

async function put({ path, as }: NewCart, sku: string, quantity: unknown, headers?: Record<string, string>) {
  return shop.call('PUT', `${path}/items/${sku}`, { ...as, body: { quantity }, ...(headers && { headers }) });
}

async function guestCart(...items: [string, number][]): Promise<NewCart> {
  const cart = await newCart();
  for (const [sku, quantity] of items) assert.equal((await put(cart, sku, quantity)).status, 200);
  return cart;
}

const shippingAddress = {
  name: 'A Customer',
  line1: '1 High Street',
  city: 'Bristol',
  postalCode: 'BS1 1AA',
  country: 'GB',
};

function checkOut(cart: NewCart, { key = newId(), ...more }: Record<string, unknown> = {}) {
  const body = {
    cartId: cart.id,
    email: 'guest@customer.example',
    shippingAddress,
    paymentToken: 'tok_approved',
    ...more,
  };
  return shop.call('POST', '/api/v1/orders', { ...cart.as, body, headers: { 'idempotency-key': key as string } });
}

async function until(ready: () => Promise<boolean>, what: string): Promise<void> {
  for (const endMs = Date.now() + 10_000; Date.now() < endMs; await pause(10)) if (await ready()) return;
  assert.fail(`not within 10 s: ${what}`);
}

describe('a cart', () => {
  it('is priced at today’s prices, with what is in stock', async () => {
    const cart = await guestCart(['pen', 4], ['INK', 1], ['paper', 2]);
    const { body } = await shop.call('GET', cart.path, cart.as);
    assert.deepEqual(
      body.items.map(({ sku, quantity, unitPrice, lineTotal, available }) => [
        sku,
        quantity,
        unitPrice.amount,
        lineTotal.amount,
        available,
      ]),
      [
        ['PEN', 4, 250, 1_000, 10],
        ['INK', 1, 900, 900, 2],
        ['PAPER', 2, 400, 800, 0],
      ],
    );
    assert.equal(body.totals.total.amount, 2_700);
    assert.deepEqual(body.changes, [{ sku: 'PAPER', title: 'A paper', kind: 'ran-short', quantity: 2, available: 0 }]);
    assert.equal(body.orderId, null);
    assert.equal(body.token, undefined);
  });

  it('says which prices have changed since its items were set, until they are set again', async () => {
    const cart = await guestCart(['PEN', 2]);
    sell('PEN', 300);
    const changed = {
      sku: 'PEN',
      title: 'A pen',
      kind: 'price-changed',
      from: { amount: 250, currency: 'EUR' },
      to: { amount: 300, currency: 'EUR' },
    };
    const { body } = await shop.call('GET', cart.path, cart.as);
    assert.deepEqual([body.changes, body.totals.total.amount], [[changed], 600]);
    assert.deepEqual((await put(cart, 'PEN', 2)).body.changes, []);
  });

  it('names what is no longer sold, counts it no more, and cannot be ordered until it is taken out', async () => {
    const cart = await guestCart(['PEN', 1], ['INK', 2]);
    sell('INK', 900, 'archived');
    const { body } = await shop.call('GET', cart.path, cart.as);
    assert.deepEqual(body.changes, [{ sku: 'INK', title: 'A ink', kind: 'gone', quantity: 2 }]);
    assert.deepEqual([body.items.map(({ sku }) => sku), body.totals.total.amount], [['PEN'], 250]);
    const refused = await checkOut(cart);
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.errors[0]?.path],
      [422, 'order.unknown-sku', '/items/1/sku'],
    );
    assert.equal((await shop.call('DELETE', `${cart.path}/items/ink`, cart.as)).status, 200);
    assert.equal((await checkOut(cart)).status, 202);
  });

  it('is shown without availability while the inventory cannot be asked, and says so', async () => {
    const cart = await guestCart(['PEN', 40]);
    const known = await shop.call('GET', cart.path, cart.as);
    assert.deepEqual([known.body.partial, known.body.changes.length], [[], 1]);
    shop.neighbours.stock = 'down';
    const { status, body, headers } = await shop.call('GET', cart.path, cart.as);
    assert.equal(status, 200);
    assert.equal('available' in (body.items[0] as object), false);
    assert.deepEqual([body.partial, body.changes], [['inventory'], []]);
    assert.notEqual(headers.get('etag'), known.headers.get('etag'), 'a copy of the whole answer is not the half');
    assert.deepEqual((await put(cart, 'INK', 1)).body.partial, ['inventory']);
    shop.neighbours.stock = new Map([['PEN', 40]]);
    assert.deepEqual((await shop.call('GET', cart.path, cart.as)).body.partial, []);
  });

  it('outlives a restart of the service', async () => {
    const cart = await guestCart(['PEN', 3]);
    await shop.restart();
    const { body } = await shop.call('GET', cart.path, cart.as);
    assert.deepEqual(
      body.items.map(({ sku, quantity }) => [sku, quantity]),
      [['PEN', 3]],
    );
  });

  it('is its owner’s alone', async () => {
    const user = newId();
    const [guests, users] = [await guestCart(['PEN', 1]), await newCart({ user })];
    assert.equal(users.as.cartToken, undefined);
    const stranger = { user: newId(), cartToken: (await newCart()).as.cartToken };
    for (const { path, id } of [guests, users]) {
      assert.deepEqual(await refusalOf(shop.call('GET', path, stranger)), [404, 'cart.not-found']);
      assert.deepEqual(await refusalOf(shop.call('DELETE', `${path}/items/PEN`, stranger)), [404, 'cart.not-found']);
      assert.deepEqual(await refusalOf(put({ id, path, as: stranger }, 'PEN', 1)), [404, 'cart.not-found']);
      assert.deepEqual(await refusalOf(checkOut({ id, path, as: stranger })), [404, 'cart.not-found']);
      assert.deepEqual(await refusalOf(shop.call('GET', path)), [401, 'auth.missing']);
    }
    assert.equal(
      (await shop.call('GET', guests.path, { ...guests.as, user })).status,
      200,
      'a guest who signs in keeps the cart by its token',
    );
    assert.deepEqual(await refusalOf(shop.call('GET', `/api/v1/carts/${newId()}`, stranger)), [404, 'cart.not-found']);
  });

  it('is hidden from staff as from any other stranger, admins included, who have carts of their own', async () => {
    const carts = [await guestCart(['PEN', 1]), await newCart({ user: newId() })];
    for (const role of ['support', 'operator', 'merchandiser', 'admin'] as const) {
      const staff = { user: newId(), role };
      for (const { path } of carts) {
        assert.deepEqual(await refusalOf(shop.call('GET', path, staff)), [404, 'cart.not-found'], role);
        assert.deepEqual(
          await refusalOf(shop.call('DELETE', `${path}/items/PEN`, staff)),
          [404, 'cart.not-found'],
          role,
        );
        const taken = shop.call('PUT', `${path}/items/PEN`, { ...staff, body: { quantity: 2 } });
        assert.deepEqual(await refusalOf(taken), [404, 'cart.not-found'], role);
      }
      const own = await newCart(staff);
      assert.equal((await shop.call('GET', own.path, staff)).status, 200);
    }
  });

  it('takes 1 to 10,000 of what is in the catalogue, of at most 200 SKUs, in one currency', async () => {
    const cart = await guestCart(['PEN', 10_000]);
    for (const quantity of [0, -1, 10_001, 1.5, '3', null])
      assert.equal((await put(cart, 'PEN', quantity)).status, 400);
    assert.deepEqual(await refusalOf(put(cart, 'NEVER', 1)), [422, 'order.unknown-sku']);
    assert.equal((await put(cart, '%20', 1)).status, 400);
    shop.neighbours.catalogue.set('YEN', priced('YEN', 100, 'JPY'));
    assert.deepEqual(await refusalOf(put(cart, 'YEN', 1)), [422, 'order.currency-mismatch']);
    sell('GOLD', 1_000_000_000_000);
    assert.deepEqual(await refusalOf(put(cart, 'GOLD', 10_000)), [422, 'cart.too-much']);
    for (let at = 1; at < 200; at++) sell(`SKU-${at}`, 1);
    for (let at = 1; at < 200; at++) assert.equal((await put(cart, `SKU-${at}`, 1)).status, 200);
    assert.deepEqual(await refusalOf(put(cart, 'INK', 1)), [422, 'cart.too-many-items']);
    const { body } = await put(cart, 'PEN', 1);
    assert.equal(body.items.length, 200);
  });

  it('takes the currency of its first item, anew after it was emptied', async () => {
    shop.neighbours.catalogue.set('US', { ...priced('US', 500), prices: [], price: { amount: 600, currency: 'USD' } });
    const cart = await newCart();
    const currencies: (string | null)[] = [];
    for (const step of [
      () => put(cart, 'US', 1),
      () => put(cart, 'PEN', 1),
      () => shop.call('DELETE', `${cart.path}/items/US`, cart.as),
      () => put(cart, 'PEN', 1),
    ])
      currencies.push((await step()).body.currency ?? null);
    assert.deepEqual(currencies, ['USD', null, 'EUR', 'EUR']);
  });

  it('keeps the currency it was made with, and refuses to be ordered in another', async () => {
    shop.neighbours.catalogue.set('TEA', { ...priced('TEA', 500), prices: [{ amount: 600, currency: 'USD' }] });
    const cart = await newCart({ body: { currency: 'USD', metadata: { source: 'app' } } });
    const { body } = await put(cart, 'TEA', 1);
    assert.deepEqual(
      [body.currency, body.totals.total, body.metadata],
      ['USD', { amount: 600, currency: 'USD' }, { source: 'app' }],
    );
    assert.deepEqual(await refusalOf(checkOut(cart, { currency: 'EUR' })), [422, 'order.currency-mismatch']);
    const ordered = await checkOut(cart);
    assert.deepEqual(
      [ordered.body.totals.subtotal, ordered.body.metadata],
      [{ amount: 600, currency: 'USD' }, { source: 'app' }],
    );
    assert.equal((await shop.call('POST', '/api/v1/carts', { body: { currency: 'XYZ' } })).status, 400);
  });

  it('keeps both of two items put in at once, and refuses a change of what was read before another', async () => {
    const cart = await guestCart();
    await Promise.all([put(cart, 'PEN', 1), put(cart, 'INK', 1)]);
    const read = await shop.call('GET', cart.path, cart.as);
    assert.equal(read.body.items.length, 2);
    const etag = read.headers.get('etag') as string;
    const fresh = await shop.call('GET', cart.path, { ...cart.as, headers: { 'if-none-match': etag } });
    assert.equal(fresh.status, 304);
    sell('PEN', 260);
    const dearer = await shop.call('GET', cart.path, { ...cart.as, headers: { 'if-none-match': etag } });
    assert.equal(dearer.status, 200, 'another price is another representation');
    assert.equal((await put(cart, 'PEN', 2, { 'if-match': etag })).status, 200, 'the cart itself has not changed');
    assert.deepEqual(await refusalOf(put(cart, 'PEN', 3, { 'if-match': etag })), [412, 'resource.stale']);
    const stale = shop.call('DELETE', `${cart.path}/items/PEN`, { ...cart.as, headers: { 'if-match': etag } });
    assert.deepEqual(await refusalOf(stale), [412, 'resource.stale']);
  });

  it('takes one of several changes made at once of what was read', async () => {
    const cart = await guestCart(['PEN', 1]);
    const etag = (await shop.call('GET', cart.path, cart.as)).headers.get('etag') as string;
    const answers = await Promise.all(
      [2, 3, 4, 5, 6].map((quantity) => put(cart, 'PEN', quantity, { 'if-match': etag })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412, 412]);
  });

  it('goes when its owner is erased, and when nobody has touched it for ninety days', async () => {
    const user = newId();
    const [erased, old, young] = [await newCart({ user }), await guestCart(['PEN', 1]), await guestCart(['PEN', 1])];
    await deleteCartsOf(shop.service.db, [user]);
    await shop.service.db.query(`update cart set updated_at = clock_timestamp() - interval '91 days' where id = $1`, [
      old.id,
    ]);
    await forgetCarts.run(shop.service);
    assert.equal((await shop.call('GET', erased.path, erased.as)).status, 404);
    assert.equal((await shop.call('GET', old.path, old.as)).status, 404);
    assert.equal((await shop.call('GET', young.path, young.as)).status, 200);
  });
});

describe('ordering a cart', () => {
  it('orders what is in it at today’s prices, and closes it', async () => {
    const cart = await guestCart(['PEN', 2], ['INK', 1]);
    sell('PEN', 300);
    assert.deepEqual(await refusalOf(checkOut(cart, { expectedTotal: { amount: 1_900, currency: 'EUR' } })), [
      422,
      'order.price-changed',
    ]);
    const key = newId();
    const { status, body } = await checkOut(cart, { key, expectedTotal: { amount: 2_000, currency: 'EUR' } });
    assert.equal(status, 202);
    assert.deepEqual(
      body.items.map(({ sku, quantity, lineTotal }) => [sku, quantity, lineTotal.amount]),
      [
        ['PEN', 2, 600],
        ['INK', 1, 900],
      ],
    );
    const again = await checkOut(cart, { key, expectedTotal: { amount: 2_000, currency: 'EUR' } });
    assert.deepEqual([again.status, again.body, again.headers.get('idempotency-replayed')], [202, body, 'true']);
    const second = await checkOut(cart);
    assert.deepEqual([second.status, second.body.code], [409, 'cart.ordered']);
    assert.match(second.body.detail, new RegExp(body.id));
    assert.deepEqual(await refusalOf(put(cart, 'PEN', 1)), [409, 'cart.ordered']);
    assert.deepEqual(await refusalOf(shop.call('DELETE', `${cart.path}/items/PEN`, cart.as)), [409, 'cart.ordered']);
    const closed = await shop.call('GET', cart.path, cart.as);
    assert.deepEqual([closed.body.orderId, closed.body.changes], [body.id, []]);
  });

  it('makes one order, however many check-outs of it there are at once', async () => {
    const user = newId();
    const cart = await newCart({ user });
    await put(cart, 'PEN', 1);
    const answers = await Promise.all(Array.from({ length: 20 }, () => checkOut(cart)));
    const made = answers.filter(({ status }) => status === 202);
    assert.equal(made.length, 1);
    const [orders] = await shop.service.db.query<{ count: number }>(
      'select count(*) as count from orders where user_id = $1',
      [user],
    );
    assert.equal(orders?.count, 1);
    for (const { status, body } of answers.filter((answer) => answer.status !== 202)) {
      assert.deepEqual([status, body.code], [409, 'cart.ordered']);
      assert.match(body.detail, new RegExp(made[0]?.body.id as string));
    }
  });

  it('loses no item that is put in while it is ordered', async () => {
    for (let round = 0; round < 10; round++) {
      const cart = await guestCart(['PEN', 1]);
      const [ordered, added] = await Promise.all([checkOut(cart), put(cart, 'INK', 1)]);
      const skus = ordered.status === 202 ? ordered.body.items.map(({ sku }) => sku) : [];
      if (ordered.status === 409) assert.equal(ordered.body.code, 'cart.changed');
      if (added.status === 409) assert.deepEqual(skus, ['PEN']);
      else if (ordered.status === 202) assert.deepEqual(skus, ['PEN', 'INK']);
    }
  });

  it('opens it again when the order is rejected, so that it can be ordered anew', async () => {
    const cart = await guestCart(['INK', 2]);
    shop.neighbours.reservation = outOfStock;
    const { body } = await checkOut(cart);
    await until(async () => (await shop.call('GET', cart.path, cart.as)).body.orderId === null, 'the cart is open');
    const [row] = await shop.service.db.query<{ status: string }>('select status from orders where id = $1', [body.id]);
    assert.equal(row?.status, 'rejected');
    shop.neighbours.reservation = reserved;
    assert.equal((await put(cart, 'INK', 1)).status, 200);
    assert.equal((await checkOut(cart)).status, 202);
  });

  it('refuses an empty cart, a cart beside items, and coupons nobody has', async () => {
    const cart = await newCart();
    assert.deepEqual(await refusalOf(checkOut(cart)), [422, 'order.empty']);
    await put(cart, 'PEN', 1);
    const both = await checkOut(cart, { items: [{ sku: 'PEN', quantity: 1 }] });
    assert.deepEqual([both.status, both.body.code, both.body.errors[0]?.path], [400, 'request.invalid', '/items']);
    assert.deepEqual(await refusalOf(checkOut(cart, { couponCode: 'SPRING' })), [422, 'coupon.unknown']);
    assert.deepEqual(
      await refusalOf(checkOut(cart, { cartId: undefined, items: [{ sku: 'PEN', quantity: 1 }], couponCode: 'X' })),
      [422, 'coupon.unknown'],
    );
    assert.equal((await shop.call('GET', cart.path, cart.as)).body.orderId, null);
  });
});

async function refusalOf(asked: ReturnType<HostedOrder['call']>): Promise<[number, string]> {
  const { status, body } = await asked;
  return [status, body.code];
}
