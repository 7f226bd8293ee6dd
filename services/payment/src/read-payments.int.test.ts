import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Payment } from '@stoa/contracts/payment';
import { newId } from '@stoa/platform/ids';
import { type HostedPayment, hostPayment } from './testing/host-payment.ts';

describe('reading payments', () => {
  let shop: HostedPayment;
  const orders: string[] = [];
  before(async () => {
    shop = await hostPayment('payment reads');
    for (let made = 0; made < 5; made++) {
      const orderId = newId();
      await shop.does('authorise', { orderId });
      orders.push(orderId);
    }
  });
  after(() => shop.close());

  it('lists them newest first, page by page', async () => {
    const seen: string[] = [];
    let path: string | undefined = '/api/v1/payments?limit=2';
    while (path) {
      const { status, body } = await shop.call('GET', path);
      assert.equal(status, 200);
      const page = body as { items: Payment[]; nextCursor: string | null };
      seen.push(...page.items.map(({ orderId }) => orderId));
      path = page.nextCursor === null ? undefined : `/api/v1/payments?limit=2&cursor=${page.nextCursor}`;
    }
    assert.deepEqual(seen, orders.toReversed());
  });

  it('finds the one of an order, and nothing for an unknown order', async () => {
    assert.equal((await shop.payment(orders[2] as string)).orderId, orders[2]);
    assert.deepEqual((await shop.call('GET', `/api/v1/payments?orderId=${newId()}`)).body, {
      items: [],
      nextCursor: null,
    });
  });

  it('shows one with its version as an entity tag', async () => {
    const { id } = await shop.payment(orders[0] as string);
    const { status, body, headers } = await shop.call('GET', `/api/v1/payments/${id}`);
    assert.equal(status, 200);
    assert.deepEqual(body, await shop.payment(orders[0] as string));
    const etag = headers.get('etag') ?? '';
    const again = await shop.call('GET', `/api/v1/payments/${id}`, {
      headers: { authorization: 'Bearer support', 'if-none-match': etag },
    });
    assert.equal(again.status, 304);
    await shop.does('capture', { orderId: orders[0] as string });
    assert.notEqual((await shop.call('GET', `/api/v1/payments/${id}`)).headers.get('etag'), etag);
  });

  it('never shows a payment token', async () => {
    const { body } = await shop.call('GET', '/api/v1/payments');
    assert.ok(!JSON.stringify(body).includes('tok_'));
  });

  it('refuses customers, strangers and cursors of others', async () => {
    const asCustomer = { headers: { authorization: 'Bearer customer' } };
    assert.equal((await shop.call('GET', '/api/v1/payments', asCustomer)).status, 403);
    assert.equal((await shop.call('GET', '/api/v1/payments', { headers: {} })).status, 401);
    assert.equal((await shop.call('GET', `/api/v1/payments/${newId()}`, asCustomer)).status, 403);
    assert.equal((await shop.call('GET', `/api/v1/payments/${newId()}`)).status, 404);
    assert.equal((await shop.call('GET', '/api/v1/payments/x')).status, 400);
    assert.equal((await shop.call('GET', '/api/v1/payments?cursor=WzFd')).status, 400);
    assert.equal((await shop.call('GET', '/internal/payment/provider-totals')).status, 403);
  });
});
