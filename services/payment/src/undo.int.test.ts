import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import { eventually, type HostedPayment, hostPayment } from './testing/host-payment.ts';

describe('the undo of an authorisation', { concurrency: true }, () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('payment undo', { STOA_PAYMENT_SANDBOX_WEBHOOK_DELAY: '1h' });
  });
  after(() => shop.close());

  async function isVoidedOnce(orderId: string): Promise<void> {
    const { status, attempts } = await shop.payment(orderId);
    assert.equal(status, 'voided');
    assert.equal(attempts.filter(({ kind }) => kind === 'void').length, 1);
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ state, captured }) => [state, captured]),
      [['voided', 0]],
    );
  }

  it('voids what was authorised', async () => {
    const orderId = newId();
    const { failure } = await shop.does('authorise', { orderId, thenFails: true });
    assert.equal(failure?.code, 'test.failed');
    await isVoidedOnce(orderId);
  });

  it('waits for an authorisation in flight, and voids it then', async () => {
    const orderId = newId();
    const key = await shop.starts('authorise', { orderId, paymentToken: 'tok_slow' });
    await shop.reaches(orderId, 'authorising');
    await shop.cancels(key);
    assert.equal((await shop.ended(key)).failure?.code, 'test.cancelled');
    await isVoidedOnce(orderId);
  });

  it('voids what a provider took that never answered, once', async () => {
    const orderId = newId();
    const key = await shop.starts('authorise', { orderId, paymentToken: 'tok_timeout' });
    await shop.reaches(orderId, 'authorising');
    await shop.cancels(key);
    assert.equal((await shop.ended(key)).failure?.code, 'test.cancelled');
    await isVoidedOnce(orderId);
  });

  it('of one that is declined meanwhile finds nothing to void', async () => {
    const orderId = newId();
    const key = await shop.starts('authorise', { orderId, paymentToken: 'tok_declined' });
    await shop.cancels(key);
    assert.equal((await shop.ended(key)).failure?.code, 'test.cancelled');
    assert.ok((await shop.charges(orderId)).every(({ state }) => state === 'declined'));
  });

  it('of one that turns out unavailable is answered once nothing can be held', async () => {
    const orderId = newId();
    const key = await shop.starts('authorise', { orderId, paymentToken: 'tok_unavailable' });
    await shop.reaches(orderId, 'authorising');
    await shop.cancels(key);
    assert.equal((await shop.ended(key)).failure?.code, 'test.cancelled');
    assert.equal((await shop.payment(orderId)).status, 'unavailable');
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ state }) => state),
      ['voided'],
    );
  });

  it('voids while the webhook is outstanding', async () => {
    const orderId = newId();
    const key = await shop.starts('authorise', { orderId, paymentToken: 'tok_async' });
    await shop.reaches(orderId, 'waiting');
    await shop.cancels(key);
    assert.equal((await shop.ended(key)).failure?.code, 'test.cancelled');
    await isVoidedOnce(orderId);
  });

  it('that overtakes its do leaves nothing for the do to do', async () => {
    const orderId = newId();
    const saga = newId();
    await shop.delivers([command(saga, orderId, 'undo')]);
    await shop.delivers([command(saga, orderId, 'do')]);
    assert.equal((await shop.outcomeOf(saga, 'authorise'))?.state, 'undone');
    assert.deepEqual(await shop.db.query('select from payment where order_id = $1', [orderId]), []);
    assert.deepEqual(await shop.charges(orderId), []);
  });

  it('asked for many times, as its do, voids one charge once', async () => {
    const orderId = newId();
    const saga = newId();
    for (const mode of ['do', 'do', 'undo', 'do', 'undo', 'undo'] as const)
      await shop.delivers([command(saga, orderId, mode)]);
    await eventually(
      async () => ((await shop.outcomeOf(saga, 'authorise'))?.state === 'undone' ? true : undefined),
      'the undo',
    );
    await isVoidedOnce(orderId);
  });
});

function command(saga: string, orderId: string, mode: 'do' | 'undo'): Message {
  return {
    id: newId(),
    type: 'payment.authorise.v1',
    key: orderId,
    payload: { orderId, amount: { amount: 1_000, currency: 'EUR' }, paymentToken: 'tok_approved' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    cause: { correlationId: saga },
    step: { saga, step: 'authorise', replyTo: 'shop', mode },
  };
}
