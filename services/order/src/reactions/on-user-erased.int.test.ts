import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@stoa/platform/ids';
import type { Tx } from '@stoa/platform/sql';
import { insertCart } from '../store/carts.ts';
import { addContact, readContact } from '../store/contacts.ts';
import { type HostedOrder, hostOrder } from '../testing/host-order.ts';
import { priced } from '../testing/neighbours.ts';
import { onUserErased } from './on-user-erased.ts';

const address = { name: 'A', line1: '1 High Street', city: 'Bristol', postalCode: 'BS1 1AA', country: 'GB' };

describe('an order around the erasure of its customer', () => {
  let shop: HostedOrder;
  before(async () => {
    shop = await hostOrder();
    shop.neighbours.stock = new Map([['PEN', 10]]);
    shop.neighbours.catalogue.set('PEN', priced('PEN', 250));
  });
  after(() => shop.close());

  const place = (user: string) =>
    shop.call('POST', '/api/v1/orders', {
      user,
      headers: { 'idempotency-key': newId() },
      body: { items: [{ sku: 'PEN', quantity: 1 }], shippingAddress: address, paymentToken: 'tok_approved' },
    });

  /** As the process hears it that carries out the reaction: what others keep in their memory stays there. */
  const erase = (tx: Tx, ...userIds: string[]) =>
    onUserErased.handleMany(
      userIds.map((userId) => ({ payload: { userId }, cause: { correlationId: `erasure of ${userId}` } })) as never,
      { ...tx, afterCommit: () => undefined },
      shop.service,
    );

  async function kept(): Promise<string> {
    const { db } = shop.service;
    const rows = await Promise.all(
      [
        'select row_to_json(c)::text as text from contact c where email is not null or shipping_address is not null',
        'select body as text from kit.idempotency where body is not null',
        'select row_to_json(m)::text as text from kit.outbox m',
      ].map((sql) => db.query<{ text: string }>(sql, [])),
    );
    return rows
      .flat()
      .map(({ text }) => text)
      .join('\n');
  }

  it('is refused once the erasure has been heard, though another process still knows the account', async () => {
    const user = newId();
    assert.equal((await place(user)).status, 202);
    await shop.service.db.transaction((tx) => erase(tx, user));
    const { status, body } = await place(user);
    assert.deepEqual([status, body.code], [422, 'user.inactive']);
    assert.doesNotMatch(await kept(), new RegExp(`${user}@`));
  });

  it('waits for an erasure that is being written, and is then refused', async () => {
    const user = newId();
    assert.equal((await place(user)).status, 202);
    let placing: ReturnType<typeof place> | undefined;
    await shop.service.db.transaction(async (tx) => {
      await erase(tx, user);
      placing = place(user);
      await somebodyWaits();
    });
    assert.equal((await placing)?.body.code, 'user.inactive');
    assert.doesNotMatch(await kept(), new RegExp(`${user}@`));
  });

  it('leaves no answer behind that a cancel was about to keep', async () => {
    const user = newId();
    const { body } = await place(user);
    let cancelling: ReturnType<typeof place> | undefined;
    await shop.service.db.transaction(async (tx) => {
      await erase(tx, user);
      cancelling = shop.call('POST', `/api/v1/orders/${body.id}/cancel`, {
        user: newId(),
        role: 'support',
        headers: { 'idempotency-key': newId() },
        body: { reason: 'the customer has gone' },
      });
      await somebodyWaits();
    });
    assert.notEqual((await cancelling)?.status, 500);
    assert.doesNotMatch(await kept(), new RegExp(`${user}@`));
  });

  it('that is being written is waited for by the erasure, and overwritten', async () => {
    const [user, id] = [newId(), newId()];
    const { db } = shop.service;
    let erasing: Promise<void> | undefined;
    await db.transaction(async (tx) => {
      const row = { id, user_id: user, email: `${user}@customer.example`, shipping_address: null };
      await tx.query('insert into contact select * from json_populate_record(null::contact, $1)', [
        JSON.stringify(row),
      ]);
      erasing = db.transaction((other) => erase(other, user));
      await somebodyWaits();
    });
    await erasing;
    assert.equal(await readContact(db, id), undefined);
    assert.doesNotMatch(await kept(), new RegExp(`${user}@`));
  });

  it('takes a cart along that is being written, and refuses one that comes later', async () => {
    const user = newId();
    const { db } = shop.service;
    const cart = () => ({ id: newId(), user_id: user, currency: null, metadata: { note: 'call Jane' } });
    let erasing: Promise<void> | undefined;
    await db.transaction(async (tx) => {
      await insertCart(tx, cart());
      erasing = db.transaction((other) => erase(other, user));
      await somebodyWaits();
    });
    await erasing;
    const late = await shop.call('POST', '/api/v1/carts', { user, body: { metadata: { note: 'call Jane' } } });
    assert.deepEqual([late.status, late.body.code], [422, 'user.inactive']);
    assert.deepEqual(await db.query('select id from cart where user_id = $1', [user]), []);
  });

  it('is told by its contact, so that who asked for the address since the erasure forgets it too', async () => {
    const [one, two, other] = [newId(), newId(), newId()];
    for (const user of [one, two, other]) assert.equal((await place(user)).status, 202);
    const { db } = shop.service;
    const contacts = await db.query<{ id: string; user: string }>(
      'select id, user_id as user from contact where user_id = any($1::uuid[])',
      [[one, two]],
    );
    const { erasedContacts } = shop.neighbours;
    const before = new Set(erasedContacts.keys());
    await db.transaction((tx) => erase(tx, one, two));
    await until(async () => erasedContacts.size === before.size + 2);
    await db.transaction((tx) => erase(tx, one));
    assert.deepEqual(
      new Map([...erasedContacts].filter(([id]) => !before.has(id))),
      new Map(contacts.map(({ id, user }) => [id, `erasure of ${user}`])),
    );
  });

  it('of one customer does not keep those of others, who share its commit', async () => {
    const [erased, others] = [newId(), Array.from({ length: 20 }, newId)];
    assert.equal((await place(erased)).status, 202);
    await shop.service.db.transaction((tx) => erase(tx, erased, newId()));
    const answers = await Promise.all([erased, ...others].map((user) => place(user)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [422, ...others.map(() => 202)],
    );
  });

  it('of a guest asks nobody', async () => {
    const id = newId();
    await shop.service.db.transaction(async (tx) => {
      addContact(tx, { id, user_id: null, email: 'guest@customer.example', shipping_address: null });
    });
    assert.equal((await readContact(shop.service.db, id))?.email, 'guest@customer.example');
  });

  const somebodyWaits = () =>
    until(async () => {
      const waiting = await shop.service.db.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        [],
      );
      return waiting.length > 0;
    });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 10_000; !(await holds()); await sleep(10))
    assert.ok(performance.now() < endMs, 'it did not come to pass within 10 s');
}
