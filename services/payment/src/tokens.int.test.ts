import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { type HostedPayment, hostPayment } from './testing/host-payment.ts';

describe('the tokens of the sandbox', () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('payment tokens');
  });
  after(() => shop.close());

  it('tok_approved is authorised and captured, and booked once', async () => {
    const orderId = newId();
    const authorised = await shop.does('authorise', { orderId });
    assert.equal(authorised.failure, undefined);
    const captured = await shop.does('capture', { orderId });
    assert.equal(captured.failure, undefined);
    const payment = await shop.payment(orderId);
    assert.equal(payment.status, 'captured');
    assert.deepEqual(authorised.outputs, { authorise: { paymentId: payment.id } });
    assert.deepEqual(payment.captured, { amount: 1_000, currency: 'EUR' });
    assert.deepEqual(
      payment.ledger.map(({ account, debit, credit }) => [account, debit.amount, credit.amount]),
      [
        ['provider-clearing', 1_000, 0],
        ['sales', 0, 1_000],
      ],
    );
  });

  it('tok_declined is refused and holds nothing', async () => {
    const orderId = newId();
    const { failure } = await shop.does('authorise', { orderId, paymentToken: 'tok_declined' });
    assert.deepEqual(failure, { code: 'payment.declined', detail: 'The card was declined.' });
    assert.equal((await shop.payment(orderId)).status, 'declined');
  });

  it('what was authorised is voided when the check-out turns back', async () => {
    const orderId = newId();
    const { failure } = await shop.does('authorise', { orderId, thenFails: true });
    assert.equal(failure?.code, 'test.failed');
    assert.equal((await shop.payment(orderId)).status, 'voided');
  });
});
