import { paymentEvents } from '@stoa/contracts/payment-messages';
import { defineEffect } from '@stoa/platform/effect';
import type { Tx } from '@stoa/platform/sql';
import { giveBackWhereAsked } from '../commands/give-back.ts';
import type { PaymentDeps, PaymentService } from '../deps.ts';
import type { MoneyAnswer } from '../domain/charge.ts';
import { settleCaptures } from '../store/captures.ts';
import { answered } from './answered.ts';
import { type CapturePayload, effectNames, triesWithoutEnd } from './requests.ts';

/** Has the provider take the money. The provider captures a charge once, so asking again tells what became of an earlier try. */
export const capture = defineEffect<CapturePayload, MoneyAnswer, PaymentDeps>({
  name: effectNames.capture,
  concurrency: 64,
  timeoutMs: 5_000,
  attemptsMax: triesWithoutEnd,
  retryDelayMs: 250,

  perform: ({ payload }, { provider }, signal) =>
    answered(provider.capture({ key: payload.paymentId, amount: payload.amount }, signal), signal),

  async complete(done, tx, service) {
    const at = service.clock.now();
    const results = done.map(({ effect, result }) => ({
      id: effect.id,
      outcome: result.outcome,
      amount: effect.payload.amount.amount,
      failure: result.outcome === 'declined' ? { code: 'payment.capture-failed', detail: result.detail } : null,
      tries: effect.attempt,
    }));
    const settled = await settleCaptures(tx, results, at);
    const changed = new Set(settled.map(({ id }) => id));
    for (const { effect, result } of done) if (changed.has(effect.id)) tell(effect.payload, result, at, tx, service);
    await giveBackWhereAsked(settled, tx, service);
  },

  async giveUp({ id }, reason) {
    throw new Error(`the capture of payment ${id} is never given up: ${reason}`);
  },
});

function tell(
  { paymentId, orderId, amount, replyTo }: CapturePayload,
  result: MoneyAnswer,
  at: string,
  tx: Tx,
  service: PaymentService,
): void {
  if (result.outcome === 'declined') {
    service.reply(tx, replyTo, { kind: 'refused', code: 'payment.capture-failed', detail: result.detail });
    return;
  }
  service.publish(tx, paymentEvents.paymentCaptured, {
    key: orderId,
    payload: { paymentId, orderId, amount, at },
    cause: replyTo.cause,
  });
  service.reply(tx, replyTo, { kind: 'done', output: { paymentId } });
}
