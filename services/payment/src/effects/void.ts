import { paymentEvents } from '@stoa/contracts/payment-messages';
import { defineEffect } from '@stoa/platform/effect';
import { money, zero } from '@stoa/platform/money';
import type { PaymentDeps } from '../deps.ts';
import type { ChargeRequest } from '../domain/charge.ts';
import { settleVoids } from '../store/payments.ts';
import { answered } from './answered.ts';
import { effectNames, triesWithoutEnd } from './requests.ts';

/** Has the provider let go of what it holds for a payment, and answers whoever waited for that. */
export const voidCharge = defineEffect<ChargeRequest, void, PaymentDeps>({
  name: effectNames.void,
  concurrency: 32,
  timeoutMs: 5_000,
  attemptsMax: triesWithoutEnd,
  retryDelayMs: 250,

  perform: ({ payload }, { provider }, signal) => answered(provider.void(payload, signal), signal),

  async complete(done, tx, service) {
    const at = service.clock.now();
    const voids = done.map(({ effect }) => ({ id: effect.id, tries: effect.attempt }));
    for (const payment of await settleVoids(tx, voids, at)) {
      const { id, order_id, amount, currency, status, give_back, reply_to } = payment;
      if (status === 'voided') {
        service.publish(tx, paymentEvents.paymentVoided, {
          key: order_id,
          payload: { paymentId: id, orderId: order_id, amount: money(amount, currency), at },
          cause: reply_to.cause,
        });
      }
      if (give_back === null) continue;
      const output = give_back.step.mode === 'undo' ? {} : { refunded: zero(currency) };
      service.reply(tx, give_back, { kind: 'done', output });
    }
  },

  async giveUp({ id }, reason) {
    throw new Error(`payment ${id} is never given up: ${reason}`);
  },
});
