import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { signWebhook } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import { lookUpWaiting } from './jobs/look-up-waiting.ts';
import { eventually, type HostedPayment, hostPayment, webhookSecret } from './testing/host-payment.ts';

describe('webhooks of the provider', { concurrency: true }, () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('payment webhooks', {
      STOA_PAYMENT_SANDBOX_WEBHOOK_DELAY: '1h',
      STOA_PAYMENT_LOOK_UP_AFTER: '100ms',
    });
  });
  after(() => shop.close());

  const nowS = () => Math.floor(Date.now() / 1000);

  async function post(
    body: string,
    signature: string | undefined = signWebhook(webhookSecret, body, nowS()),
    provider = 'sandbox',
  ) {
    const headers: Record<string, string> = signature === '' ? {} : { 'webhook-signature': signature };
    const answer = await shop.call('POST', `/api/v1/webhooks/payments/${provider}`, { body, headers });
    return { status: answer.status, code: (answer.body as { code?: string }).code };
  }

  const says = (key: string, type = 'charge.authorised') => post(JSON.stringify({ id: 'evt_1', type, key }));

  async function waiting() {
    const orderId = newId();
    const saga = await shop.starts('authorise', { orderId, paymentToken: 'tok_async' });
    const paymentId = await shop.reaches(orderId, 'waiting');
    return { orderId, saga, paymentId };
  }

  it('settle a payment that waits', async () => {
    const { orderId, saga, paymentId } = await waiting();
    assert.equal((await says(paymentId)).status, 204);
    assert.deepEqual(await shop.ended(saga), { outputs: { authorise: { paymentId } } });
    assert.equal((await shop.payment(orderId)).status, 'authorised');
  });

  it('may decline', async () => {
    const { saga, paymentId } = await waiting();
    await says(paymentId, 'charge.declined');
    assert.equal((await shop.ended(saga)).failure?.code, 'payment.declined');
  });

  it('heard before the answer they belong to settle the payment, and the answer changes nothing', async () => {
    const orderId = newId();
    const saga = await shop.starts('authorise', { orderId, paymentToken: 'tok_slow' });
    const paymentId = await shop.reaches(orderId, 'authorising');
    assert.equal((await says(paymentId)).status, 204);
    assert.equal((await shop.ended(saga)).failure, undefined);
    const settled = await shop.payment(orderId);
    assert.equal(settled.status, 'authorised');
    await eventually(async () => {
      const left = await shop.db.query('select from kit.effect where id = $1', [paymentId]);
      return left.length === 0 ? true : undefined;
    }, 'the answer');
    assert.deepEqual(await shop.payment(orderId), settled);
  });

  it('doubled and contradicting ones are harmless', async () => {
    const { orderId, paymentId } = await waiting();
    await says(paymentId);
    const more = await Promise.all([
      says(paymentId),
      says(paymentId),
      says(paymentId, 'charge.declined'),
      says(paymentId),
    ]);
    assert.deepEqual(
      more.map(({ status }) => status),
      [204, 204, 204, 204],
    );
    const { status, attempts } = await shop.payment(orderId);
    assert.equal(status, 'authorised');
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ['pending', 'approved'],
    );
  });

  it('many at once settle once', async () => {
    const { orderId, paymentId } = await waiting();
    await Promise.all(Array.from({ length: 10 }, () => says(paymentId)));
    assert.deepEqual(
      (await shop.payment(orderId)).attempts.map(({ outcome }) => outcome),
      ['pending', 'approved'],
    );
  });

  it('that come after an undo are ignored', async () => {
    const { orderId, saga, paymentId } = await waiting();
    await shop.cancels(saga);
    await shop.ended(saga);
    assert.equal((await says(paymentId)).status, 204);
    assert.equal((await shop.payment(orderId)).status, 'voided');
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ state }) => state),
      ['voided'],
    );
  });

  it('that are lost are found out by asking', async () => {
    const { orderId, saga, paymentId } = await waiting();
    await shop.db.query(`update sandbox.charge set state = 'authorised' where key = $1`, [paymentId]);
    await eventually(async () => {
      await lookUpWaiting.run(shop.service);
      return (await shop.payment(orderId)).status === 'authorised' ? true : undefined;
    }, 'the look-up');
    assert.deepEqual(await shop.ended(saga), { outputs: { authorise: { paymentId } } });
  });

  it('with a bad, old, early or missing signature are refused and change nothing', async () => {
    const { orderId, paymentId } = await waiting();
    const body = JSON.stringify({ type: 'charge.authorised', key: paymentId });
    const refused = { status: 401, code: 'auth.invalid' };
    assert.deepEqual(await post(body, signWebhook('another secret of others', body, nowS())), refused);
    assert.deepEqual(await post(body, signWebhook(webhookSecret, `${body} `, nowS())), refused);
    assert.deepEqual(await post(body, signWebhook(webhookSecret, body, nowS() - 301)), refused);
    assert.deepEqual(await post(body, signWebhook(webhookSecret, body, nowS() + 302)), refused);
    assert.deepEqual(await post(body, ''), refused);
    assert.deepEqual(await post(body, 'v1=nonsense'), refused);
    assert.equal((await shop.payment(orderId)).status, 'waiting');
  });

  it('about nothing of ours are heard and forgotten; of unknown providers there is no such address', async () => {
    assert.equal((await says(newId())).status, 204);
    assert.equal((await post('not json')).status, 204);
    assert.equal((await post('{"type":"charge.authorised","key":"x"}')).status, 204);
    assert.deepEqual(await post('{}', undefined, 'stripe'), { status: 404, code: 'payment.unknown-provider' });
  });
});
