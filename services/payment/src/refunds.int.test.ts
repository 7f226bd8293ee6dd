import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import type { MoneyAnswer } from './domain/charge.ts';
import { eventually, type HostedPayment, hostPayment } from './testing/host-payment.ts';

describe('giving money back', { concurrency: true }, () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('payment refunds');
  });
  after(async () => {
    await shop.settled();
    const violated = (await shop.invariants()).filter(({ held }) => !held);
    await shop.close();
    assert.deepEqual(violated, []);
  });

  async function captured(amount = 999): Promise<string> {
    const orderId = newId();
    await shop.does('authorise', { orderId, amount });
    await shop.does('capture', { orderId, amount });
    return orderId;
  }

  it('a refund is booked the other way round, at the time it counts for', async () => {
    const orderId = await captured();
    const refundId = newId();
    const refundedAt = '2010-12-15T10:00:00.000Z';
    assert.equal((await shop.does('refund', { orderId, refundId, amount: 400, refundedAt })).failure, undefined);
    const payment = await shop.payment(orderId);
    assert.equal(payment.refunded.amount, 400);
    assert.deepEqual(
      payment.ledger
        .slice(2)
        .map(({ movementId, account, debit, credit, at }) => [movementId, account, debit.amount, credit.amount, at]),
      [
        [refundId, 'sales', 400, 0, refundedAt],
        [refundId, 'provider-clearing', 0, 400, refundedAt],
      ],
    );
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ refunded }) => refunded),
      [400],
    );
  });

  it('twenty refunds of a third each at once: exactly three are given', async () => {
    const orderId = await captured(999);
    const ends = await Promise.all(Array.from({ length: 20 }, () => shop.does('refund', { orderId, amount: 333 })));
    const failures = ends.filter(({ failure }) => failure !== undefined);
    assert.equal(ends.length - failures.length, 3);
    assert.ok(failures.every(({ failure }) => failure?.code === 'payment.refund-exceeds-captured'));
    assert.equal((await shop.payment(orderId)).refunded.amount, 999);
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ refunded }) => refunded),
      [999],
    );
  });

  it('refunds of one order that arrive together see each other: what does not fit is refused, what still fits is given', async () => {
    const orderId = await captured(1_000);
    const sagas = [600, 600, 400].map((amount) => ({ saga: newId(), amount }));
    await shop.delivers(sagas.map(({ saga, amount }) => refundCommand(saga, orderId, newId(), amount)));
    const states = await Promise.all(
      sagas.map(({ saga }) =>
        eventually(async () => {
          const step = await shop.outcomeOf(saga, 'refund');
          return step && step.state !== 'doing' ? step.state : undefined;
        }, 'the refund'),
      ),
    );
    assert.deepEqual(states, ['done', 'refused', 'done']);
    assert.equal((await shop.payment(orderId)).refunded.amount, 1_000);
  });

  it('one refund id is given once, whoever asks for it', async () => {
    const orderId = await captured();
    const refundId = newId();
    await shop.does('refund', { orderId, refundId, amount: 100 });
    assert.equal((await shop.does('refund', { orderId, refundId, amount: 100 })).failure, undefined);
    const { refunded, refunds } = await shop.payment(orderId);
    assert.equal(refunded.amount, 100);
    assert.equal(refunds.length, 1);
  });

  it('what was never captured is not refunded', async () => {
    const orderId = newId();
    assert.equal((await shop.does('refund', { orderId, amount: 1 })).failure?.code, 'payment.refund-exceeds-captured');
    await shop.does('authorise', { orderId });
    assert.equal((await shop.does('refund', { orderId, amount: 1 })).failure?.code, 'payment.refund-exceeds-captured');
  });

  it('what the provider refuses is not counted, and can be given back otherwise', async () => {
    const orderId = await captured(999);
    const { id } = await shop.payment(orderId);
    await shop.db.query('update sandbox.charge set refunded = 999 where key = $1', [id]);
    assert.equal((await shop.does('refund', { orderId, amount: 999 })).failure?.code, 'payment.refund-failed');
    const { refunded, refunds, ledger } = await shop.payment(orderId);
    assert.equal(refunded.amount, 0);
    assert.deepEqual(
      refunds.map(({ status }) => status),
      ['refused'],
    );
    assert.equal(ledger.length, 2);
    await shop.db.query('update sandbox.charge set refunded = 0 where key = $1', [id]);
    assert.equal((await shop.does('refund', { orderId, amount: 999 })).failure, undefined);
  });

  it('a release refunds the rest, and the next finds nothing', async () => {
    const orderId = await captured(999);
    await shop.does('refund', { orderId, amount: 99 });
    const released = (refunded: number) => ({
      outputs: { release: { refunded: { amount: refunded, currency: 'EUR' } } },
    });
    assert.deepEqual(await shop.does('release', { orderId }), released(900));
    assert.deepEqual(await shop.does('release', { orderId }), released(0));
    assert.equal((await shop.payment(orderId)).refunded.amount, 999);
  });

  it('captures and releases of one order that arrive together are each carried out once, and each answered', async () => {
    const orderId = newId();
    await shop.does('authorise', { orderId });
    const captures = await Promise.all([1, 2, 3].map(() => shop.does('capture', { orderId })));
    assert.deepEqual(
      captures.map(({ failure }) => failure),
      [undefined, undefined, undefined],
    );
    const releases = await Promise.all([1, 2, 3].map(() => shop.does('release', { orderId })));
    const amounts = releases.map(
      ({ outputs }) => (outputs.release as { refunded: { amount: number } }).refunded.amount,
    );
    assert.deepEqual(
      amounts.sort((a, b) => a - b),
      [0, 0, 1_000],
    );
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ captures: times, refunded }) => [times, refunded]),
      [[1, 1_000]],
    );
  });

  it('authorisations of one order that arrive together charge once, and the others are refused', async () => {
    const orderId = newId();
    const ends = await Promise.all([1, 2, 3, 4].map(() => shop.does('authorise', { orderId })));
    assert.equal(ends.filter(({ failure }) => failure === undefined).length, 1);
    assert.equal((await shop.charges(orderId)).length, 1);
  });

  it('a release of an authorised payment voids it', async () => {
    const orderId = newId();
    await shop.does('authorise', { orderId });
    await shop.does('release', { orderId });
    assert.equal((await shop.payment(orderId)).status, 'voided');
  });

  it('a release of an order without a payment has nothing to do', async () => {
    assert.equal((await shop.does('release', { orderId: newId() })).failure, undefined);
  });

  it('a release that comes while the capture is under way refunds what was captured', async () => {
    const orderId = newId();
    await shop.does('authorise', { orderId, amount: 500 });
    const [capture, release] = [newId(), newId()];
    // In one delivery, so that the release is decided before the provider can have answered.
    await shop.delivers([
      {
        ...refundCommand(capture, orderId, capture, 0),
        type: 'payment.capture.v1',
        payload: { orderId, amount: { amount: 500, currency: 'EUR' } },
      },
      { ...refundCommand(release, orderId, release, 0), type: 'payment.release.v1', payload: { orderId } },
    ]);
    await eventually(
      async () => ((await shop.outcomeOf(release, 'refund'))?.state === 'done' ? true : undefined),
      'the release',
    );
    assert.deepEqual((await shop.outcomeOf(release, 'refund'))?.outcome, {
      kind: 'done',
      output: { refunded: { amount: 500, currency: 'EUR' } },
    });
    assert.deepEqual(
      (await shop.charges(orderId)).map(({ captured, refunded }) => [captured, refunded]),
      [[500, 500]],
    );
  });

  /** Holds one refund on its way to the provider until told to decline it, or to go on. */
  function holdRefund(refundId: string): (outcome: MoneyAnswer['outcome']) => void {
    const provider = shop.service.deps.provider;
    const refund = provider.refund.bind(provider);
    const { promise, resolve } = Promise.withResolvers<MoneyAnswer['outcome']>();
    Object.assign(provider, {
      async refund(...asked: Parameters<typeof refund>): Promise<MoneyAnswer> {
        const outcome = asked[0].key === refundId ? await promise : 'approved';
        return outcome === 'declined' ? { outcome, detail: 'The account is closed.' } : refund(...asked);
      },
    });
    return resolve;
  }

  for (const [outcome, left] of [
    ['declined', 1_000],
    ['approved', 700],
  ] as const) {
    it(`everything given back beside a refund under way that is then ${outcome} leaves nothing behind`, async () => {
      const orderId = await captured(1_000);
      const refundId = newId();
      const answer = holdRefund(refundId);
      const refund = await shop.starts('refund', { orderId, refundId, amount: 300 });
      await eventually(async () => {
        const [row] = await shop.db.query('select id from refund where id = $1', [refundId]);
        return row;
      }, 'the refund to be granted');
      const release = await shop.starts('release', { orderId });
      await eventually(async () => {
        const [row] = await shop.db.query('select id from payment where order_id = $1 and give_back is not null', [
          orderId,
        ]);
        return row;
      }, 'the release to wait for it');
      answer(outcome);
      assert.equal(
        (await shop.ended(refund)).failure?.code,
        outcome === 'declined' ? 'payment.refund-failed' : undefined,
      );
      assert.equal((await shop.ended(release)).failure, undefined);
      const payment = await shop.payment(orderId);
      assert.equal(payment.refunded.amount, 1_000);
      assert.equal(payment.refunds.at(-1)?.amount.amount, left);
    });
  }
});

function refundCommand(saga: string, orderId: string, refundId: string, amount: number): Message {
  return {
    id: newId(),
    type: 'payment.refund.v1',
    key: refundId,
    payload: { orderId, refundId, amount: { amount, currency: 'EUR' }, refundedAt: '2010-12-15T10:00:00.000Z' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    cause: { correlationId: saga },
    step: { saga, step: 'refund', replyTo: 'shop', mode: 'do' },
  };
}
