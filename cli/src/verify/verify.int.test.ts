import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inventoryContract } from '@stoa/contracts/inventory';
import { type Order, orderContract } from '@stoa/contracts/order';
import { productContract } from '@stoa/contracts/product';
import { newId } from '@stoa/platform/ids';
import { testDatabase } from '@stoa/platform/testing';
import pg from 'pg';
import { runCommandLine } from '../program.ts';
import { connect, type Shop } from '../shop/shop.ts';
import { type HostedShop, hostShop } from '../testing/host-shop.ts';
import { checkByApi } from './api-pass.ts';
import { checkByDatabases } from './database-pass.ts';
import { type Databases, openDatabases } from './databases.ts';
import type { InvariantName } from './findings.ts';

let hosted: HostedShop;
let shop: Shop;
let databases: Databases;
const orders: Record<'sold' | 'refunded' | 'declined' | 'cancelled', string> = {
  sold: '',
  refunded: '',
  declined: '',
  cancelled: '',
};

before(async () => {
  hosted = await hostShop('verify');
  shop = await connect({ environment: hosted.environment, patienceMs: 5_000 });
});
after(async () => {
  await databases?.close();
  await shop?.close();
  await hosted?.close();
});

async function order(paymentToken: string): Promise<Order> {
  const body = {
    email: 'buyer@example.com',
    items: [{ sku: 'TEA', quantity: 2 }],
    shippingMethod: 'none',
    taxExempt: true,
    paymentToken,
  };
  const placed = await shop.call(orderContract.operations.placeOrder, { body }, { idempotencyKey: newId(), waitS: 30 });
  return until(placed.id, ({ status, payment }) =>
    status === 'confirmed' ? payment.status === 'captured' : status !== 'pending',
  );
}

async function until(id: string, reached: (order: Order) => boolean): Promise<Order> {
  for (let tries = 0; tries < 500; tries++) {
    const found = await shop.call(orderContract.operations.getOrder, { params: { id } });
    if (reached(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`order ${id} did not get there`);
}

/** What is violated, by the databases, and what is said of it. */
async function violated(): Promise<Map<InvariantName, string>> {
  await databases.refresh();
  const findings = await checkByDatabases(databases, undefined);
  const names: InvariantName[] = ['I1', 'I2', 'I3', 'I4', 'I5', 'I7', 'I9'];
  return new Map(
    names.flatMap((name) =>
      findings
        .violations(name)
        .slice(0, 1)
        .map(({ witness }) => [name, witness] as const),
    ),
  );
}

/** Damages a database behind everybody's back, looks, and mends it. */
async function damaged<T>(service: string, damage: string, mend: string, look: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: hosted.urlOf(service) });
  await client.connect();
  try {
    await client.query(damage);
    return await look();
  } finally {
    await client.query(mend);
    await client.end();
  }
}

describe('stoa verify', () => {
  it('does not say that something holds where there is nothing to look at', async () => {
    const empty = await hosted.stoa('verify', '--json');
    assert.equal(empty.code, 1);
    assert.match(empty.told, /unknown, not held/);
    assert.equal((await hosted.stoa('verify', '--allow-empty')).code, 0);
  });

  it('finds everything in order after orders of every kind', async () => {
    const variants = [{ sku: 'TEA', price: { amount: 450, currency: 'EUR' } }];
    await shop.call(productContract.operations.createProduct, { body: { title: 'Tea', status: 'active', variants } });
    const received = { kind: 'received', quantity: 100, reason: 'opening' } as const;
    await shop.call(
      inventoryContract.operations.adjustStock,
      { params: { sku: 'TEA' }, body: received },
      { idempotencyKey: newId() },
    );
    orders.sold = (await order('tok_approved')).id;
    orders.declined = (await order('tok_declined')).id;
    const refunded = await order('tok_approved');
    orders.refunded = refunded.id;
    const refund = {
      items: [{ lineId: refunded.items[0]?.lineId as string, quantity: 1 }],
      reason: 'broken',
      restock: true,
    };
    await shop.call(
      orderContract.operations.refundOrder,
      { params: { id: refunded.id }, body: refund },
      { idempotencyKey: newId(), waitS: 30 },
    );
    orders.cancelled = (await order('tok_approved')).id;
    await shop.call(orderContract.operations.cancelOrder, {
      params: { id: orders.cancelled },
      body: { reason: 'changed my mind' },
    });
    await until(orders.cancelled, ({ status }) => status === 'cancelled');
    const { code, out, told } = await hosted.stoa('verify', '--databases', '--json');
    assert.equal(code, 0, told);
    const { held, passes, invariants } = JSON.parse(out) as {
      held: boolean;
      passes: string[];
      invariants: { name: string; verdict: string }[];
    };
    assert.deepEqual([held, passes], [true, ['api', 'databases']]);
    assert.deepEqual(
      invariants.map(({ name, verdict }) => `${name} ${verdict}`),
      ['I1', 'I2', 'I3', 'I4', 'I5', 'I7', 'I9'].map((name) => `${name} held`),
    );
    databases = (await openDatabases(hosted.environment, shop.url)) as Databases;
    assert.deepEqual([...(await violated())], []);
  });

  const damages: {
    invariant: InvariantName;
    what: string;
    service: string;
    damage: () => string;
    mend: () => string;
    witness: () => string;
  }[] = [
    {
      invariant: 'I1',
      what: 'a movement that is missing from the ledger',
      service: 'inventory',
      damage: () =>
        `create table lost as select * from ledger where kind = 'received'; delete from ledger where kind = 'received'`,
      mend: () => 'insert into ledger overriding system value select * from lost; drop table lost',
      witness: () => 'SKU TEA at main',
    },
    {
      invariant: 'I2',
      what: 'stock that an order is said to hold and nobody ordered',
      service: 'inventory',
      damage: () => `update stock set reserved = reserved + 1 where sku = 'TEA'`,
      mend: () => `update stock set reserved = reserved - 1 where sku = 'TEA'`,
      witness: () => 'SKU TEA at main',
    },
    {
      invariant: 'I2',
      what: 'a sold order that bought less than it says',
      service: 'inventory',
      damage: () =>
        `update reservation set quantity = 1 where order_id = '${orders.sold}'; update stock set sold = sold - 1, received = received - 1 where sku = 'TEA'`,
      mend: () =>
        `update reservation set quantity = 2 where order_id = '${orders.sold}'; update stock set sold = sold + 1, received = received + 1 where sku = 'TEA'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I3',
      what: 'a refund that the ledger has not',
      service: 'payment',
      damage: () =>
        `create table lost as select * from movement where kind = 'refund'; delete from movement where kind = 'refund' and payment_id in (select id from payment where order_id = '${orders.refunded}')`,
      mend: () => 'insert into movement select * from lost on conflict do nothing; drop table lost',
      witness: () => `order ${orders.refunded}`,
    },
    {
      invariant: 'I4',
      what: 'a second capture at the provider',
      service: 'payment',
      damage: () => `update sandbox.charge set captures = 2 where order_id = '${orders.sold}'`,
      mend: () => `update sandbox.charge set captures = 1 where order_id = '${orders.sold}'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I4',
      what: 'a charge of an order that does not exist',
      service: 'payment',
      damage: () =>
        `insert into sandbox.charge (key, order_id, token, amount, currency, state, captures, captured) values ('${stray}', '${stray}', 'tok_approved', 5, 'EUR', 'captured', 1, 5)`,
      mend: () => `delete from sandbox.charge where key = '${stray}'`,
      witness: () => `order ${stray}`,
    },
    {
      invariant: 'I4',
      what: 'a sold order without a payment',
      service: 'payment',
      damage: () => `update payment set order_id = '${stray}' where order_id = '${orders.sold}'`,
      mend: () => `update payment set order_id = '${orders.sold}' where order_id = '${stray}'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I5',
      what: 'an order that is pending and that no saga moves',
      service: 'order',
      damage: () => `update orders set status = 'pending' where id = '${orders.sold}'`,
      mend: () => `update orders set status = 'confirmed' where id = '${orders.sold}'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I5',
      what: 'an order that is pending, and a saga that nothing wakes',
      service: 'order',
      damage: () =>
        `update orders set status = 'pending' where id = '${orders.sold}'; update kit.saga set status = 'running', wake_at = null where key = '${orders.sold}'`,
      mend: () =>
        `update orders set status = 'confirmed' where id = '${orders.sold}'; update kit.saga set status = 'completed' where key = '${orders.sold}'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I7',
      what: 'stock that a declined order still has',
      service: 'inventory',
      damage: () =>
        `update reservation set state = 'held' where order_id = '${orders.declined}'; update stock set reserved = reserved + 2 where sku = 'TEA'`,
      mend: () =>
        `update reservation set state = 'released' where order_id = '${orders.declined}'; update stock set reserved = reserved - 2 where sku = 'TEA'`,
      witness: () => `order ${orders.declined}`,
    },
    {
      invariant: 'I7',
      what: 'money that is set aside at the provider for a declined order',
      service: 'payment',
      damage: () => `update sandbox.charge set state = 'authorised' where order_id = '${orders.declined}'`,
      mend: () => `update sandbox.charge set state = 'declined' where order_id = '${orders.declined}'`,
      witness: () => `order ${orders.declined}`,
    },
    {
      invariant: 'I4',
      what: 'a sold order whose money is being taken by nobody',
      service: 'payment',
      damage: () => `update payment set status = 'capturing', captured = 0 where order_id = '${orders.sold}'`,
      mend: () => `update payment set status = 'captured', captured = amount where order_id = '${orders.sold}'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I3',
      what: 'a refund that was asked for and that nothing moves',
      service: 'payment',
      damage: () => `update payment set refunds_pending = 1 where order_id = '${orders.sold}'`,
      mend: () => `update payment set refunds_pending = 0 where order_id = '${orders.sold}'`,
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I3',
      what: 'a refund that the order waits for and no saga moves',
      service: 'order',
      damage: () => `update refund set status = 'pending' where order_id = '${orders.refunded}'`,
      mend: () => `update refund set status = 'done' where order_id = '${orders.refunded}'`,
      witness: () => `order ${orders.refunded}`,
    },
    {
      invariant: 'I7',
      what: 'money of a declined order that is being let go by nobody',
      service: 'payment',
      damage: () => `update payment set status = 'voiding' where order_id = '${orders.declined}'`,
      mend: () => `update payment set status = 'declined' where order_id = '${orders.declined}'`,
      witness: () => `order ${orders.declined}`,
    },
    {
      invariant: 'I7',
      what: 'a parcel that is to be sent for a cancelled order',
      service: 'shipping',
      damage: () =>
        `insert into booking (order_id, contact_id, method, lines) values ('${orders.cancelled}', '${stray}', 'post', '[]')`,
      mend: () => `delete from booking where order_id = '${orders.cancelled}'`,
      witness: () => `order ${orders.cancelled}`,
    },
    {
      invariant: 'I9',
      what: 'an event that is missing from a stream',
      service: 'order',
      damage: () =>
        `create table lost as select * from kit.event where stream = '${orders.sold}' and version = 2; delete from kit.event where stream = '${orders.sold}' and version = 2`,
      mend: () => 'insert into kit.event select * from lost; drop table lost',
      witness: () => `order ${orders.sold}`,
    },
    {
      invariant: 'I9',
      what: 'an order that shows less than its stream says',
      service: 'order',
      damage: () =>
        `update orders set state = jsonb_set(state::jsonb, '{payment,refunded,amount}', '0')::json where id = '${orders.refunded}'`,
      mend: () =>
        `update orders set state = jsonb_set(state::jsonb, '{payment,refunded,amount}', '450')::json where id = '${orders.refunded}'`,
      witness: () => `order ${orders.refunded}`,
    },
    {
      invariant: 'I9',
      what: 'an order that analytics counts at another total',
      service: 'analytics',
      damage: () => `update order_fact set total = total + 1 where order_id = '${orders.sold}'`,
      mend: () => `update order_fact set total = total - 1 where order_id = '${orders.sold}'`,
      witness: () => `order ${orders.sold} in analytics`,
    },
  ];
  const stray = newId();

  for (const { invariant, what, service, damage, mend, witness } of damages) {
    it(`names ${invariant} for ${what}, with what it is about`, async () => {
      const found = await damaged(service, damage(), mend(), violated);
      assert.ok(found.get(invariant)?.startsWith(`${witness()}:`), JSON.stringify([...found]));
      assert.deepEqual([...(await violated())], [], 'mended, everything holds again');
    });
  }

  const standing: [InvariantName, keyof typeof orders, string, () => string, () => string][] = [
    [
      'I4',
      'sold',
      'whose money is being taken by nobody',
      () => `update payment set status = 'capturing', captured = 0 where order_id = '${orders.sold}'`,
      () => `update payment set status = 'captured', captured = amount where order_id = '${orders.sold}'`,
    ],
    [
      'I7',
      'declined',
      'whose money is being let go by nobody',
      () => `update payment set status = 'voiding' where order_id = '${orders.declined}'`,
      () => `update payment set status = 'declined' where order_id = '${orders.declined}'`,
    ],
    [
      'I3',
      'refunded',
      'whose refund is moved by nobody',
      () =>
        `update refund set status = 'pending' where payment_id = (select id from payment where order_id = '${orders.refunded}')`,
      () =>
        `update refund set status = 'done' where payment_id = (select id from payment where order_id = '${orders.refunded}')`,
    ],
  ];
  for (const [invariant, which, what, damage, mend] of standing) {
    it(`names ${invariant} by the API alone for a ${which} order ${what}`, async () => {
      const look = () => checkByApi(shop, undefined);
      const found = await damaged('payment', damage(), mend(), look);
      assert.ok(found.violations(invariant).some(({ witness }) => witness.startsWith(`order ${orders[which]}:`)));
      assert.ok((await look()).clean);
    });
  }

  it('ends with 6 and the first witness, by the public API alone as well', async () => {
    const client = new pg.Client({ connectionString: hosted.urlOf('analytics') });
    await client.connect();
    await client.query(`update order_fact set total = total + 1 where order_id = '${orders.sold}'`);
    const { code, told } = await hosted.stoa('verify', '--no-databases');
    await client.query(`update order_fact set total = total - 1 where order_id = '${orders.sold}'`);
    await client.end();
    assert.equal(code, 6);
    assert.match(told, /I9 is violated/);
  });

  it('takes no other shop’s databases for those of the shop that answers', async () => {
    const other = await testDatabase('verify other');
    const client = new pg.Client({ connectionString: other.url });
    await client.connect();
    try {
      await client.query('create table orders (id uuid primary key)');
      const verify = async () => {
        let told = '';
        const code = await runCommandLine(['verify'], {
          environment: { ...hosted.environment, STOA_ORDER_DATABASE_URL: other.url },
          write: () => undefined,
          tell: (text) => {
            told += text;
          },
        });
        assert.equal(code, 2, told);
        assert.match(told, /The databases are not those of the shop at http:.*STOA_<SERVICE>_DATABASE_URL/);
      };
      await verify();
      await client.query('insert into orders values ($1)', [newId()]);
      await verify();
    } finally {
      await client.end();
      await other.drop();
    }
  });

  it('misses an acknowledged order that is gone, and finds one that nobody was told of', async () => {
    const file = join(hosted.environment.STOA_DATA_DIR as string, 'acknowledged.txt');
    const all = Object.values(orders);
    await writeFile(file, `${all.join('\n')}\n`);
    const good = await hosted.stoa('verify', '--acknowledged', file, '--complete');
    assert.equal(good.code, 0, good.told);
    await writeFile(file, `${all.join('\n')}\n${stray} # never there\n`);
    const lost = await hosted.stoa('verify', '--no-databases', '--acknowledged', file);
    assert.equal(lost.code, 6);
    assert.match(lost.told, new RegExp(`I5 is violated.*order ${stray}: it was acknowledged and is lost`));
    await writeFile(file, `${all.slice(1).join('\n')}\n`);
    const phantom = await hosted.stoa('verify', '--no-databases', '--acknowledged', file, '--complete');
    assert.equal(phantom.code, 6);
    assert.match(phantom.told, new RegExp(`order ${all[0]}: it is there, and nobody was told of it`));
  });
});
