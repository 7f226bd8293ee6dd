import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { eventually, type HostedPayment, hostPayment } from './testing/host-payment.ts';

describe('the tokens of the sandbox', { concurrency: true }, () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('payment tokens');
  });
  after(async () => {
    await shop.settled();
    const violated = (await shop.invariants()).filter(({ held }) => !held);
    await shop.close();
    assert.deepEqual(violated, []);
  });

  async function authorise(paymentToken: string) {
    const orderId = newId();
    const ended = await shop.does('authorise', { orderId, paymentToken });
    return { orderId, ended };
  }

  it('tok_approved is authorised and captured, and booked once', async () => {
    const { orderId, ended } = await authorise('tok_approved');
    const captured = await shop.does('capture', { orderId });
    const payment = await shop.payment(orderId);
    assert.equal(payment.status, 'captured');
    assert.deepEqual(ended, { outputs: { authorise: { paymentId: payment.id } } });
    assert.deepEqual(captured, { outputs: { capture: { paymentId: payment.id } } });
    assert.deepEqual(payment.captured, { amount: 1_000, currency: 'EUR' });
    assert.deepEqual(
      payment.ledger.map(({ account, debit, credit }) => [account, debit.amount, credit.amount]),
      [
        ['provider-clearing', 1_000, 0],
        ['sales', 0, 1_000],
      ],
    );
    assert.deepEqual(await shop.charges(orderId), [
      { key: payment.id, state: 'captured', captures: 1, captured: 1_000, refunded: 0 },
    ]);
  });

  for (const [token, detail] of [
    ['tok_declined', 'The card was declined.'],
    ['tok_insufficient_funds', 'The card has insufficient funds.'],
    ['tok_nobody_knows', 'The sandbox does not know this token.'],
  ] as const) {
    it(`${token} is refused and holds nothing`, async () => {
      const { orderId, ended } = await authorise(token);
      assert.deepEqual(ended.failure, { code: 'payment.declined', detail });
      assert.equal((await shop.payment(orderId)).status, 'declined');
      assert.equal((await shop.charges(orderId))[0]?.state, 'declined');
    });
  }

  it('a card number is refused and kept nowhere', async () => {
    for (const paymentToken of ['4242424242424242', 'tok_4242424242424242', 'card_424242424242']) {
      const { orderId, ended } = await authorise(paymentToken);
      assert.equal(ended.failure?.code, 'payment.declined');
      assert.deepEqual(await shop.db.query('select from payment where order_id = $1', [orderId]), []);
      assert.deepEqual(await shop.charges(orderId), []);
    }
  });

  it('tok_slow is waited for', async () => {
    const { orderId, ended } = await authorise('tok_slow');
    assert.equal(ended.failure, undefined);
    assert.equal((await shop.payment(orderId)).status, 'authorised');
  });

  it('tok_timeout took the money, which is found out and kept', async () => {
    const { orderId, ended } = await authorise('tok_timeout');
    assert.equal(ended.failure, undefined);
    const { attempts } = await shop.payment(orderId);
    assert.deepEqual(
      attempts.map(({ outcome, tries }) => [outcome, tries]),
      [['approved', 2]],
    );
    assert.equal((await shop.does('capture', { orderId })).failure, undefined);
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ state, captures }) => [state, captures]),
      [['captured', 1]],
    );
  });

  it('tok_error_once took nothing at first and is asked for again', async () => {
    const { orderId, ended } = await authorise('tok_error_once');
    assert.equal(ended.failure, undefined);
    assert.deepEqual(
      (await shop.payment(orderId)).attempts.map(({ outcome, tries }) => [outcome, tries]),
      [['approved', 2]],
    );
  });

  it('tok_capture_fails is authorised, its capture refused, and then released', async () => {
    const { orderId, ended } = await authorise('tok_capture_fails');
    assert.equal(ended.failure, undefined);
    assert.equal((await shop.does('capture', { orderId })).failure?.code, 'payment.capture-failed');
    assert.deepEqual(await shop.does('release', { orderId }), {
      outputs: { release: { refunded: { amount: 0, currency: 'EUR' } } },
    });
    assert.equal((await shop.payment(orderId)).status, 'voided');
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ state, captured }) => [state, captured]),
      [['voided', 0]],
    );
  });

  it('tok_async is authorised by webhook', async () => {
    const { orderId, ended } = await authorise('tok_async');
    assert.equal(ended.failure, undefined);
    const { status, attempts } = await shop.payment(orderId);
    assert.equal(status, 'authorised');
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ['pending', 'approved'],
    );
  });

  it('a provider that is down is tried again, then the payment is unavailable and nothing is held', async () => {
    const { orderId, ended } = await authorise('tok_unavailable');
    assert.equal(ended.failure?.code, 'payment.unavailable');
    const { status, attempts } = await shop.payment(orderId);
    assert.equal(status, 'unavailable');
    assert.deepEqual([attempts[0]?.outcome, attempts[0]?.tries], ['unknown', 4]);
    await shop.settled();
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ state }) => state),
      ['voided'],
    );
  });

  it('money that an unavailable provider had taken all the same is let go', async () => {
    const orderId = newId();
    const key = await shop.starts('authorise', { orderId, paymentToken: 'tok_unavailable' });
    const paymentId = await shop.reaches(orderId, 'authorising');
    await shop.db.query(
      `insert into sandbox.charge (key, order_id, token, amount, currency, state)
      values ($1, $2, 'tok_unavailable', 1000, 'EUR', 'authorised')`,
      [paymentId, orderId],
    );
    assert.equal((await shop.ended(key)).failure?.code, 'payment.unavailable');
    await eventually(async () => ((await shop.charges(orderId))[0]?.state === 'voided' ? true : undefined), 'the void');
  });

  it('a second authorisation of an order is refused and charges nothing', async () => {
    const { orderId } = await authorise('tok_approved');
    assert.equal((await shop.does('authorise', { orderId })).failure?.code, 'payment.declined');
    assert.equal((await shop.charges(orderId)).length, 1);
  });

  it('what could not be captured can be, when it is asked for again and the bank agrees', async () => {
    const { orderId } = await authorise('tok_capture_fails');
    assert.equal((await shop.does('capture', { orderId })).failure?.code, 'payment.capture-failed');
    await shop.db.query(`update sandbox.charge set token = 'tok_approved' where order_id = $1`, [orderId]);
    assert.equal((await shop.does('capture', { orderId })).failure, undefined);
    assert.equal((await shop.payment(orderId)).status, 'captured');
    assert.equal((await shop.charges(orderId))[0]?.captures, 1);
  });

  it('an order is captured once, however often it is asked for', async () => {
    const { orderId } = await authorise('tok_approved');
    await shop.does('capture', { orderId });
    const again = await shop.does('capture', { orderId });
    assert.equal(again.failure, undefined);
    assert.equal((await shop.charges(orderId))[0]?.captures, 1);
    assert.equal((await shop.payment(orderId)).ledger.length, 2);
  });

  it('more than was authorised is not captured', async () => {
    const { orderId } = await authorise('tok_approved');
    assert.equal((await shop.does('capture', { orderId, amount: 1_001 })).failure?.code, 'payment.capture-failed');
    assert.equal((await shop.charges(orderId))[0]?.captured, 0);
  });
});
