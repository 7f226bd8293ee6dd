import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import type { Order } from '@stoa/contracts/order';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { shippingCommands } from '@stoa/contracts/shipping-messages';
import { newId } from '@stoa/platform/ids';
import { type CommandType, nobodyWaits, type Outcome } from '@stoa/platform/schema';
import { checkOutName } from '../check-out-input.ts';
import { refundName } from '../start-refund.ts';
import { type HostedOrder, hostOrder } from '../testing/host-order.ts';
import { priced } from '../testing/neighbours.ts';

const { capturePayment: capture, refundPayment } = paymentCommands;
const { restock } = inventoryCommands;
const { cancelShipment: releaseShipment } = shippingCommands;

let shop: HostedOrder;
before(async () => {
  shop = await hostOrder();
  shop.neighbours.stock = new Map([['PEN', 1_000]]);
  shop.neighbours.catalogue.set('PEN', priced('PEN', 250));
  shop.neighbours.later.clear();
  for (const command of [capture, releaseShipment]) shop.neighbours.later.add(command);
});
after(() => shop.close());

const staff = { user: newId(), role: 'support' } as const;
const address = { name: 'A', line1: '1 High Street', city: 'Bristol', postalCode: 'BS1 1AA', country: 'GB' };
const done = { kind: 'done', output: {} } as const;
const refused = { kind: 'refused', code: 'payment.capture-failed', detail: 'The bank has closed.' } as const;

/** Places an order and comes back when its check-out waits for the money to be taken. */
async function placeUntilCapture(): Promise<string> {
  const { body } = await shop.call('POST', '/api/v1/orders', {
    headers: { 'idempotency-key': newId() },
    body: {
      email: 'guest@customer.example',
      items: [{ sku: 'PEN', quantity: 1 }],
      shippingAddress: address,
      paymentToken: 'tok_approved',
    },
  });
  await asked(capture, body.id);
  return body.id;
}

/** Answers a command that an order has come to, as soon as it has. */
async function asked({ type }: CommandType, id: string): Promise<(outcome: Outcome) => Promise<void>> {
  const { answers } = shop.neighbours;
  for (const deadlineMs = performance.now() + 20_000; ; await sleep(10)) {
    const answer = answers.get(`${type} ${id}`);
    if (answer) return answer;
    assert.ok(performance.now() < deadlineMs, `${type} for ${id} among ${[...answers.keys()]}`);
  }
}

const cancel = (id: string) =>
  shop.call('POST', `/api/v1/orders/${id}/cancel`, {
    ...staff,
    headers: { 'idempotency-key': newId() },
    body: { reason: 'changed my mind' },
  });

async function until(id: string, holds: (order: Order) => boolean): Promise<Order> {
  for (const deadlineMs = performance.now() + 20_000; ; await sleep(10)) {
    const { body } = await shop.call('GET', `/api/v1/orders/${id}`, staff);
    if (holds(body)) return body;
    assert.ok(performance.now() < deadlineMs, JSON.stringify(body));
  }
}

const ship = (id: string) =>
  shop.call('POST', `/api/v1/orders/${id}/shipments`, {
    user: newId(),
    role: 'operator',
    headers: { 'idempotency-key': newId() },
    body: { carrier: 'Post' },
  });

/** The saga of a key once it has come to that. */
async function sagaOf(definition: string, key: string, status: string) {
  for (const deadlineMs = performance.now() + 20_000; ; await sleep(10)) {
    const [row] = await shop.service.db.query<{ id: string; status: string; step: string }>(
      'select id, status, step from kit.saga where definition = $1 and key = $2',
      [definition, key],
    );
    if (row?.status === status) return row;
    assert.ok(performance.now() < deadlineMs, JSON.stringify(row));
  }
}

async function eventsOf(id: string): Promise<string[]> {
  const rows = await shop.service.db.query<{ type: string }>(
    'select type from kit.event where stream = $1 order by version',
    [id],
  );
  return rows.map(({ type }) => type);
}

describe('an order whose money is refused for good after it was confirmed', () => {
  it('is cancelled for that, and once, when a customer’s cancel has waited for the end of its check-out', async () => {
    const id = await placeUntilCapture();
    assert.equal((await cancel(id)).status, 202);
    await (await asked(capture, id))(refused);
    await (await asked(releaseShipment, id))(done);
    const { failure } = await until(id, ({ status }) => status === 'cancelled');
    assert.deepEqual(failure, { code: refused.code, detail: refused.detail });
    assert.deepEqual((await eventsOf(id)).slice(-3), ['order-confirmed', 'cancellation-requested', 'order-cancelled']);
  });

  it('takes a customer’s cancel while it is being taken back, and nothing of it can be shipped', async () => {
    const id = await placeUntilCapture();
    await (await asked(capture, id))(refused);
    const stopShipment = await asked(releaseShipment, id);
    assert.equal((await cancel(id)).status, 202);
    const shipped = await ship(id);
    assert.deepEqual([shipped.status, shipped.body.code], [409, 'order.not-shippable']);
    await stopShipment(done);
    const { failure } = await until(id, ({ status }) => status === 'cancelled');
    assert.equal(failure?.code, refused.code);
  });

  it('is a person’s business when it has left already: its goods do not go back into stock', async () => {
    const id = await placeUntilCapture();
    assert.equal((await ship(id)).status, 201);
    await (await asked(capture, id))(refused);
    assert.equal((await sagaOf(checkOutName, id, 'stuck')).step, 'capture payment');
    const { body } = await shop.call('GET', `/api/v1/orders/${id}`, staff);
    assert.equal(body.status, 'shipped');
    assert.equal(shop.neighbours.answers.has(`${releaseShipment.type} ${id}`), false, 'it is not being taken back');
  });

  it('is not said to be paid when a person lets it go without the money', async () => {
    const id = await placeUntilCapture();
    assert.equal((await ship(id)).status, 201);
    await (await asked(capture, id))(refused);
    const { id: saga } = await sagaOf(checkOutName, id, 'stuck');
    await shop.ops.skipSaga(
      { params: { id: saga }, body: { reason: 'a good customer' } },
      { cause: { correlationId: newId() }, deadlineMs: nobodyWaits },
    );
    await sagaOf(checkOutName, id, 'completed');
    const { body } = await shop.call('GET', `/api/v1/orders/${id}`, staff);
    assert.deepEqual([body.status, body.payment.status, body.payment.captured.amount], ['shipped', 'authorised', 0]);
    assert.ok(!(await eventsOf(id)).includes('payment-captured'));
  });
});

describe('an order that is cancelled while money of it is being given back', () => {
  before(() => {
    for (const command of [refundPayment, restock]) shop.neighbours.later.add(command);
  });
  after(() => {
    for (const command of [refundPayment, restock]) shop.neighbours.later.delete(command);
  });

  it('has given back once what goods it had, and ends the refund too', async () => {
    const id = await placeUntilCapture();
    await (await asked(capture, id))({ kind: 'done', output: {} });
    const { items } = await until(id, ({ payment }) => payment.status === 'captured');
    const asksBack = await shop.call('POST', `/api/v1/orders/${id}/refunds`, {
      ...staff,
      headers: { 'idempotency-key': newId() },
      body: { items: items.map(({ lineId, quantity }) => ({ lineId, quantity })), reason: 'broken', restock: true },
    });
    assert.equal(asksBack.status, 202);
    const refund = asksBack.body.id;
    const giveMoneyBack = await asked(refundPayment, refund);
    assert.equal((await cancel(id)).status, 202);
    await (await asked(releaseShipment, id))(done);
    await (await asked(restock, id))(done);
    await until(id, ({ status }) => status === 'cancelled');
    await giveMoneyBack(done);
    await (await asked(restock, refund))({ kind: 'refused', code: 'inventory.not-sold', detail: 'It was not sold.' });
    await sagaOf(refundName, refund, 'completed');
    assert.ok((await eventsOf(id)).includes('order-refunded'));
  });
});
