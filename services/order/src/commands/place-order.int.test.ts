import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { amountMax } from '@stoa/platform/schema';
import { orderInvariants } from '../invariants.ts';
import { type HostedOrder, hostOrder, type Request } from '../testing/host-order.ts';
import { priced } from '../testing/neighbours.ts';

let shop: HostedOrder;
before(async () => {
  shop = await hostOrder();
  shop.neighbours.stock = new Map([['PEN', 10]]);
  for (const [sku, amount] of [
    ['PEN', 250],
    ['GOLD', amountMax],
  ] as const)
    shop.neighbours.catalogue.set(sku, priced(sku, amount));
});
after(() => shop.close());

const address = { name: 'A', line1: '1 High Street', city: 'Bristol', postalCode: 'BS1 1AA', country: 'GB' };

function place(body: object, as: Request = {}) {
  return shop.call('POST', '/api/v1/orders', {
    ...as,
    headers: { 'idempotency-key': newId() },
    body: { email: 'guest@customer.example', shippingAddress: address, paymentToken: 'tok_approved', ...body },
  });
}

async function refusalOf(asked: ReturnType<typeof place>): Promise<unknown[]> {
  const { status, body } = await asked;
  return [status, body.code, ...(body.errors ?? []).map(({ path }) => path)];
}

describe('an order that costs more than can be paid at once', () => {
  it('is refused, naming each line that does, at the catalogue’s price', async () => {
    const pen = { sku: 'PEN', quantity: 1 };
    for (const quantity of [2, 9_008, 1_000_000]) {
      const refused = place({ items: [pen, { sku: 'GOLD', quantity }] });
      assert.deepEqual(await refusalOf(refused), [422, 'order.too-much', '/items/1'], `${quantity}`);
    }
  });

  it('is refused at a price that staff have agreed on', async () => {
    const items = [{ sku: 'PEN', quantity: 1_000_000, unitPrice: { amount: amountMax, currency: 'EUR' } }];
    const refused = place({ items, shippingMethod: 'none' }, { user: newId(), role: 'support' });
    assert.deepEqual(await refusalOf(refused), [422, 'order.too-much', '/items/0']);
  });

  it('is refused when only its lines together, or its shipping, are too much', async () => {
    const gold = { sku: 'GOLD', quantity: 1 };
    assert.deepEqual(await refusalOf(place({ items: [gold, gold] })), [422, 'order.too-much', '/items']);
    assert.deepEqual(await refusalOf(place({ items: [gold] })), [422, 'order.too-much', '/items']);
  });

  it('leaves nothing behind, while one of exactly as much as can be paid is taken', async () => {
    const [before] = await shop.service.db.query<{ count: number }>('select count(*) as count from orders', []);
    assert.equal(before?.count, 0);
    const items = [{ sku: 'GOLD', quantity: 1 }];
    const taken = await place({ items, shippingMethod: 'none' }, { user: newId(), role: 'support' });
    assert.deepEqual([taken.status, taken.body.totals.total.amount], [202, amountMax]);
  });
});

describe('an order that is being priced', () => {
  it('holds no transaction open, whatever the catalogue takes to answer', async () => {
    const { neighbours, service } = shop;
    neighbours.catalogue.set('SLOW', priced('SLOW', 100));
    const answering = Promise.withResolvers<void>();
    const asked = new Promise<void>((resolve) => {
      neighbours.held = () => {
        neighbours.held = undefined;
        resolve();
        return answering.promise;
      };
    });
    const order = place({ items: [{ sku: 'SLOW', quantity: 1 }] });
    await asked;
    const open = await service.db.query(
      `select query from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    answering.resolve();
    assert.deepEqual(open, []);
    assert.equal((await order).status, 202);
  });
});

describe('a cart whose price has risen beyond what can be paid at once', () => {
  it('is still shown, and not ordered until the item is taken out', async () => {
    const { body: cart } = await shop.call('POST', '/api/v1/carts', { body: {} });
    const path = `/api/v1/carts/${cart.id}`;
    const as = { cartToken: cart.token };
    shop.neighbours.catalogue.set('TIN', priced('TIN', 1));
    for (const [sku, quantity] of [
      ['PEN', 1],
      ['TIN', 10_000],
    ] as const)
      assert.equal((await shop.call('PUT', `${path}/items/${sku}`, { ...as, body: { quantity } })).status, 200);
    shop.neighbours.catalogue.set('TIN', priced('TIN', amountMax));
    shop.service.deps.catalogue.forget(['TIN']);
    const shown = await shop.call('GET', path, as);
    assert.equal(shown.status, 200, shown.body.detail);
    assert.deepEqual([shown.body.totals.total.amount, shown.body.changes.map(({ kind }) => kind)], [250, ['gone']]);
    assert.deepEqual(await refusalOf(place({ cartId: cart.id }, as)), [422, 'order.too-much', '/items/1']);
    assert.equal((await shop.call('DELETE', `${path}/items/TIN`, as)).status, 200);
    assert.equal((await place({ cartId: cart.id }, as)).status, 202);
  });
});

describe('when and by what an order was placed', () => {
  it('is kept to the millisecond, so that the order is what its stream folds to', async () => {
    for (const [placedAt, kept] of [
      ['2020-01-01T00:00:00Z', '2020-01-01T00:00:00.000Z'],
      ['2020-01-01T00:00:00.123456Z', '2020-01-01T00:00:00.123Z'],
      ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.999Z'],
    ] as const) {
      const staff = { user: newId(), role: 'support' } as const;
      const { body } = await place({ items: [{ sku: 'PEN', quantity: 1 }], placedAt }, staff);
      const [read, events] = await Promise.all([
        shop.call('GET', `/api/v1/orders/${body.id}`, staff),
        shop.call('GET', `/api/v1/orders/${body.id}/events`, staff),
      ]);
      const [first] = events.body as unknown as { at: string }[];
      assert.deepEqual([read.body.placedAt, first?.at], [kept, kept]);
    }
    const checks = await orderInvariants(shop.service);
    assert.deepEqual(
      checks.filter(({ held }) => !held),
      [],
    );
  });

  it('is never a card number, whatever stands before or behind it', async () => {
    for (const paymentToken of ['x4111111111111111', 'tok_4111111111111111_x']) {
      const refused = place({ items: [{ sku: 'PEN', quantity: 1 }], paymentToken });
      assert.deepEqual(await refusalOf(refused), [400, 'request.invalid', '/paymentToken'], paymentToken);
    }
  });
});

describe('an order that staff enter', () => {
  const items = [{ sku: 'PEN', quantity: 1 }];
  const clerk = { user: newId(), role: 'support' } as const;

  it('is the guest’s whose address they name, who can be given its token', async () => {
    for (const more of [{}, { externalId: newId() }]) {
      const { status, body } = await place({ items, ...more }, clerk);
      assert.deepEqual([status, body.userId, body.email], [202, null, 'guest@customer.example']);
      const { orderToken } = body;
      assert.ok(orderToken);
      const seen = await shop.call('GET', `/api/v1/orders/${body.id}`, { headers: { 'x-order-token': orderToken } });
      assert.equal(seen.status, 200);
    }
  });

  it('is their own when they name nobody, and the customer’s when they name one', async () => {
    const customerId = newId();
    const theirs = await place({ items, email: undefined }, clerk);
    const anothers = await place({ items, customerId }, clerk);
    const owners = [theirs, anothers].map(({ body }) => [body.userId, body.orderToken]);
    assert.deepEqual(owners, [
      [clerk.user, undefined],
      [customerId, undefined],
    ]);
  });

  it('is tax-exempt where they say so, as it and its stream tell', async () => {
    const { body } = await place({ items, taxExempt: true }, clerk);
    const other = await place({ items, taxExempt: false }, clerk);
    assert.deepEqual([body.taxExempt, other.body.taxExempt], [true, undefined]);
    const [event] = await shop.service.db.query<{ data: { taxExempt?: boolean } }>(
      `select data from kit.event where stream = $1 and type = 'order-placed'`,
      [body.id],
    );
    assert.equal(event?.data.taxExempt, true);
  });
});
