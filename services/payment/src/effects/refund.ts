import { paymentEvents } from '@stoa/contracts/payment-messages';
import { defineEffect } from '@stoa/platform/effect';
import type { Tx } from '@stoa/platform/sql';
import { giveBackWhereAsked } from '../commands/give-back.ts';
import type { PaymentDeps, PaymentService } from '../deps.ts';
import type { MoneyAnswer } from '../domain/charge.ts';
import { settleRefunds } from '../store/refunds.ts';
import { answered } from './answered.ts';
import { effectNames, type RefundPayload, triesWithoutEnd } from './requests.ts';

/** Has the provider give money back, once a refund's id. */
export const refund = defineEffect<RefundPayload, MoneyAnswer, PaymentDeps>({
  name: effectNames.refund,
  concurrency: 32,
  timeoutMs: 5_000,
  attemptsMax: triesWithoutEnd,
  retryDelayMs: 250,

  perform: ({ payload: { refundId, paymentId, amount } }, { provider }, signal) =>
    answered(provider.refund({ key: refundId, charge: paymentId, amount }, signal), signal),

  async complete(done, tx, service) {
    const results = done.map(({ effect, result }) => ({
      id: effect.id,
      outcome: result.outcome,
      failure: result.outcome === 'declined' ? { code: 'payment.refund-failed', detail: result.detail } : null,
      tries: effect.attempt,
    }));
    const settled = await settleRefunds(tx, results, service.clock.now());
    const changed = new Set(settled.refunds.map(({ id }) => id));
    for (const { effect, result } of done) if (changed.has(effect.id)) tell(effect.payload, result, tx, service);
    await giveBackWhereAsked(settled.waited, tx, service);
  },

  async giveUp({ id }, reason) {
    throw new Error(`refund ${id} is never given up: ${reason}`);
  },
});

function tell(payload: RefundPayload, result: MoneyAnswer, tx: Tx, service: PaymentService): void {
  const { paymentId, orderId, refundId, amount, refundedAt, replyTo, release } = payload;
  if (result.outcome === 'declined') {
    service.reply(tx, replyTo, { kind: 'refused', code: 'payment.refund-failed', detail: result.detail });
    return;
  }
  service.publish(tx, paymentEvents.paymentRefunded, {
    key: orderId,
    payload: { paymentId, orderId, refundId, amount, at: refundedAt },
    cause: replyTo.cause,
  });
  service.reply(tx, replyTo, { kind: 'done', output: release ? { refunded: amount } : { paymentId } });
}
