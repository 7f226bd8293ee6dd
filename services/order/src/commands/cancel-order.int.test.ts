import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '@stoa/contracts/order';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { shippingCommands } from '@stoa/contracts/shipping-messages';
import { newId } from '@stoa/platform/ids';
import type { CommandType, Outcome } from '@stoa/platform/schema';
import { type HostedOrder, hostOrder } from '../testing/host-order.ts';
import { priced } from '../testing/neighbours.ts';

const { capturePayment: capture } = paymentCommands;
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
    const shipped = await shop.call('POST', `/api/v1/orders/${id}/shipments`, {
      user: newId(),
      role: 'operator',
      headers: { 'idempotency-key': newId() },
      body: { carrier: 'Post' },
    });
    assert.deepEqual([shipped.status, shipped.body.code], [409, 'order.not-shippable']);
    await stopShipment(done);
    const { failure } = await until(id, ({ status }) => status === 'cancelled');
    assert.equal(failure?.code, refused.code);
  });
});
