import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { orderEvents } from '@stoa/contracts/order-messages';
import { userEvents } from '@stoa/contracts/user-messages';
import { newId } from '@stoa/platform/ids';
import { money } from '@stoa/platform/money';
import { nobodyWaits } from '@stoa/platform/schema';
import { signedIn, startTestShop, type TestShop } from './testing/hosted.ts';
import { until } from './testing/until.ts';

let shop: TestShop;
before(async () => {
  shop = await startTestShop();
});
after(() => shop.stop());

interface MailRow {
  readonly id: string;
  readonly template: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly recipient: string | null;
}

test('a confirmed order is mailed to its contact once, and its owner sees that it was', async () => {
  const userId = newId();
  const order = newOrder({ userId });
  await confirm(order);
  const mail = await endedMail(order.orderId);
  assert.deepEqual([mail.outcome, mail.recipient], ['sent', 'a***@example.org']);
  const text = await shop.readMail(mail.id);
  assert.match(text, /^To: "?Ann"? <ann@example\.org>\r$/m);
  assert.match(text, new RegExp(`^Message-ID: <${mail.id}@stoa\\.example>\r$`, 'm'));
  const { items } = await shop.client.listNotifications({}, asked(userId));
  assert.deepEqual(
    items.map(({ template, channel, outcome, orderId }) => ({ template, channel, outcome, orderId })),
    [{ template: 'order-confirmed', channel: 'email', outcome: 'sent', orderId: order.orderId }],
  );
});

test('an order told of twice gives one mail', async () => {
  const order = newOrder({ number: 'S-TWICE' });
  await Promise.all([confirm(order), confirm(order), confirm(order)]);
  await endedMail(order.orderId);
  await until(async () => (await shop.query('select from kit.effect')).length === 0);
  assert.equal((await mailsAbout(order.orderId)).length, 1);
  const texts = await Promise.all((await shop.mailFiles()).map((file) => shop.readMail(file.slice(0, -'.eml'.length))));
  assert.equal(texts.filter((text) => text.includes('Subject: Your order S-TWICE')).length, 1);
});

test('every refund of an order has a mail of its own', async () => {
  const order = newOrder();
  for (const amount of [100, 200]) await refund(order, { amount, refundedAt: new Date().toISOString() });
  const mails = await until(async () => {
    const found = await mailsAbout(order.orderId);
    return found.length === 2 && found.every((mail) => mail.outcome === 'sent') && found;
  });
  const texts = await Promise.all(mails.map((mail) => shop.readMail(mail.id)));
  assert.deepEqual(texts.map((text) => /refunded =C2=A3(\d\.\d\d)/.exec(text)?.[1]).sort(), ['1.00', '2.00']);
});

test('what an import tells of the past is not mailed', async () => {
  const order = newOrder({ placedAt: '2010-12-01T08:26:00.000Z' });
  await confirm(order);
  await refund(order, { amount: 100, refundedAt: '2010-12-05T00:00:00.000Z' });
  // The only way to give an old order its state is to send or to cancel it now.
  await ship(order);
  await cancel(order);
  const mails = await until(async () => {
    const found = await mailsAbout(order.orderId);
    return found.length === 4 && found;
  });
  assert.deepEqual(new Set(mails.map((mail) => mail.outcome)), new Set(['suppressed']));
});

test('what was asked for here is mailed, however long it took', async () => {
  const order = newOrder();
  const agoMs = Date.now() - 72 * 3_600_000;
  const time = agoMs.toString(16).padStart(12, '0');
  const refundId = `${time.slice(0, 8)}-${time.slice(8)}-${newId().slice(14)}`;
  await refund(order, { amount: 100, refundedAt: new Date(agoMs).toISOString(), refundId });
  assert.equal((await endedMail(order.orderId)).outcome, 'sent');
  const old = newOrder({ orderId: refundId, placedAt: new Date(agoMs).toISOString() });
  await ship(old);
  assert.equal((await endedMail(old.orderId)).outcome, 'sent');
});

test('an order without an address is nobody’s mail', async () => {
  const order = newOrder({ contact: { email: null, name: null } });
  await confirm(order);
  assert.equal((await endedMail(order.orderId)).outcome, 'suppressed');
});

test('a mail whose contact cannot be asked for is sent once it can', async () => {
  const order = newOrder();
  shop.contacts.set(order.contactId, 'down');
  await confirm(order);
  await until(
    async () => (await shop.query('select from kit.effect where attempts > 0 and reason is not null')).length > 0,
  );
  assert.equal((await mailsAbout(order.orderId))[0]?.outcome, 'pending');
  shop.contacts.set(order.contactId, { email: 'ann@example.org', name: 'Ann' });
  assert.equal((await endedMail(order.orderId)).outcome, 'sent');
});

test('who turned order updates off hears of money, not of parcels', async () => {
  const userId = newId();
  const answer = await shop.client.updatePreferences({ body: { orderUpdates: false } }, asked(userId));
  assert.deepEqual(answer, { orderUpdates: false, marketing: false });
  const order = newOrder({ userId });
  await confirm(order);
  await ship(order);
  const mails = await until(async () => {
    const found = await mailsAbout(order.orderId);
    return found.length === 2 && found.every((mail) => mail.outcome !== 'pending') && found;
  });
  assert.deepEqual(Object.fromEntries(mails.map((mail) => [mail.template, mail.outcome])), {
    'order-confirmed': 'sent',
    'order-shipped': 'suppressed',
  });
});

test('preferences keep what a change does not name', async () => {
  const userId = newId();
  await shop.client.updatePreferences({ body: { marketing: true } }, asked(userId));
  await shop.client.updatePreferences({ body: { orderUpdates: false } }, asked(userId));
  assert.deepEqual(await shop.client.getPreferences({}, asked(userId)), { orderUpdates: false, marketing: true });
});

test('a password mail carries the token, and a reset that is over carries nothing', async () => {
  const [good, over] = [newId(), newId()];
  shop.resets.set(good, {
    email: 'bob@example.org',
    name: 'Bob',
    token: 'T0K-EN',
    expiresAt: '2030-01-01T10:00:00.000Z',
  });
  const userId = newId();
  for (const resetId of [good, over]) await shop.tell(userEvents.passwordResetRequested, userId, { userId, resetId });
  const mails = await until(async () => {
    const found = await shop.query<MailRow>('select * from mail where user_id = $1 order by id', [userId]);
    return found.length === 2 && found.every((mail) => mail.outcome !== 'pending') && found;
  });
  assert.deepEqual(mails.map((mail) => mail.outcome).sort(), ['sent', 'suppressed']);
  const text = await shop.readMail(mails.find((mail) => mail.outcome === 'sent')!.id);
  assert.match(text, /T0K-EN/);
});

test('nobody sees the notifications of others, page by page', async () => {
  const [userId, other] = [newId(), newId()];
  for (let at = 0; at < 5; at++) await confirm(newOrder({ userId }));
  await confirm(newOrder({ userId: other }));
  await until(async () => (await shop.query('select from mail where user_id = $1', [userId])).length === 5);
  const first = await shop.client.listNotifications({ query: { limit: 3 } }, asked(userId));
  const second = await shop.client.listNotifications({ query: { limit: 3, cursor: first.nextCursor! } }, asked(userId));
  assert.deepEqual([first.items.length, second.items.length, second.nextCursor], [3, 2, null]);
  assert.equal(new Set([...first.items, ...second.items].map((item) => item.id)).size, 5);
  await assert.rejects(shop.client.listNotifications({ query: { cursor: 'forged' } }, asked(userId)), {
    code: 'request.invalid',
  });
});

test('an erasure takes the mails and the addresses, and leaves that there was a mail', async () => {
  const userId = newId();
  const order = newOrder({ userId });
  await confirm(order);
  const mail = await endedMail(order.orderId);
  await shop.client.updatePreferences({ body: { marketing: true } }, asked(userId));
  await shop.tell(userEvents.userErased, userId, { userId, erasedAt: new Date().toISOString() });
  await until(async () => !(await shop.mailFiles()).includes(`${mail.id}.eml`));
  const [kept] = await mailsAbout(order.orderId);
  assert.deepEqual([kept?.outcome, kept?.recipient], ['sent', null]);
  assert.equal((await shop.query('select from preference where user_id = $1', [userId])).length, 0);
});

test('a guest who is forgotten is forgotten here too', async () => {
  const order = newOrder();
  await confirm(order);
  const mail = await endedMail(order.orderId);
  // As a process leaves it that was killed while it wrote.
  await shop.putMailFile(`${mail.id}.eml.part`, 'To: Ann <ann@example.org>');
  const { contactId } = order;
  await shop.tell(orderEvents.contactErased, order.orderId, { contactId, erasedAt: new Date().toISOString() });
  await until(async () => !(await shop.mailFiles()).some((file) => file.startsWith(mail.id)));
  assert.equal((await mailsAbout(order.orderId))[0]?.recipient, null);
});

test('a mail that was on its way while its reader was erased leaves nothing', async () => {
  const userId = newId();
  const order = newOrder({ userId });
  shop.contacts.set(order.contactId, 'down');
  await confirm(order);
  await until(async () => (await mailsAbout(order.orderId)).length === 1);
  await shop.tell(userEvents.userErased, userId, { userId, erasedAt: new Date().toISOString() });
  await until(async () => (await shop.query('select from mail where user_id = $1 and erased', [userId])).length === 1);
  // The contact as it was read before the erasure.
  shop.contacts.set(order.contactId, { email: 'ann@example.org', name: 'Ann' });
  const mail = await endedMail(order.orderId);
  assert.deepEqual([mail.outcome, mail.recipient], ['sent', null]);
  await until(async () => !(await shop.mailFiles()).includes(`${mail.id}.eml`));
});

interface TestOrder {
  readonly orderId: string;
  readonly number: string;
  readonly userId: string | null;
  readonly contactId: string;
  readonly placedAt: string;
}

function newOrder(
  part: Partial<TestOrder> & { contact?: { email: string | null; name: string | null } } = {},
): TestOrder {
  const { contact = { email: 'ann@example.org', name: 'Ann' }, ...order } = part;
  const contactId = newId();
  shop.contacts.set(contactId, contact);
  return { orderId: newId(), number: 'S-1', userId: null, contactId, placedAt: new Date().toISOString(), ...order };
}

const gbp = (amount: number) => money(amount, 'GBP');

function confirm(order: TestOrder): Promise<void> {
  const totals = { subtotal: gbp(1530), discount: gbp(0), shipping: gbp(0), tax: gbp(0), total: gbp(1530) };
  return shop.tell(orderEvents.orderConfirmed, order.orderId, {
    ...order,
    items: [],
    totals,
    confirmedAt: order.placedAt,
    metadata: {},
  });
}

function refund(
  order: TestOrder,
  { amount, refundedAt, refundId = newId() }: { amount: number; refundedAt: string; refundId?: string },
): Promise<void> {
  return shop.tell(orderEvents.orderRefunded, order.orderId, {
    ...order,
    refundId,
    amount: gbp(amount),
    items: [],
    reason: 'returned',
    refundedAt,
    metadata: {},
  });
}

function ship(order: TestOrder): Promise<void> {
  return shop.tell(orderEvents.orderShipped, order.orderId, {
    ...order,
    shipmentId: newId(),
    carrier: 'Post',
    trackingNumber: null,
    shippedAt: new Date().toISOString(),
    metadata: {},
  });
}

function cancel(order: TestOrder): Promise<void> {
  return shop.tell(orderEvents.orderCancelled, order.orderId, {
    ...order,
    items: [],
    totals: { subtotal: gbp(0), discount: gbp(0), shipping: gbp(0), tax: gbp(0), total: gbp(0) },
    from: 'confirmed',
    code: 'order.cancelled',
    detail: 'changed my mind',
    cancelledAt: new Date().toISOString(),
    metadata: {},
  });
}

function mailsAbout(orderId: string): Promise<MailRow[]> {
  return shop.query<MailRow>('select * from mail where order_id = $1 order by id', [orderId]);
}

function endedMail(orderId: string): Promise<MailRow> {
  return until(async () => (await mailsAbout(orderId)).find((mail) => mail.outcome !== 'pending'));
}

function asked(userId: string) {
  return { cause: { correlationId: newId() }, deadlineMs: nobodyWaits, principal: signedIn(userId) };
}
