import { paymentEvents } from '@stoa/contracts/payment-messages';
import { money } from '@stoa/platform/money';
import type { Outcome } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { PaymentService } from './deps.ts';
import type { ChargeAnswer } from './domain/charge.ts';
import { effectNames, requestVoid } from './effects/requests.ts';
import { type PaymentRow, type Settlement, settleAuthorisations } from './store/payments.ts';

/** How long a check-out waits for a provider that answers by webhook. */
export const webhookWaitMs = 24 * 3_600_000;

/** What somebody learnt about an authorisation. `tries`: the calls it took. */
export interface News {
  readonly paymentId: string;
  readonly answer: ChargeAnswer | { readonly outcome: 'unknown' };
  readonly tries: number;
}

/**
 * Settles authorisations, whoever brings the news: the provider's answer, its webhook, a look-up or the end of our patience. The first settles, for
 * the others nothing is left to do. Whoever asked for an undo meanwhile is answered once the void is committed.
 */
export async function settle(news: readonly News[], tx: Tx, service: PaymentService): Promise<void> {
  const at = service.clock.now();
  const payments = await settleAuthorisations(
    tx,
    news.map((one) => settlementOf(one, at)),
  );
  for (const payment of payments) follow(payment, at, tx, service);
}

function settlementOf({ paymentId, answer, tries }: News, at: string): Settlement {
  return { id: paymentId, outcome: answer.outcome, failure: failureOf(answer), tries, at };
}

function failureOf(answer: News['answer']): Settlement['failure'] {
  if (answer.outcome === 'declined') return { code: 'payment.declined', detail: answer.detail };
  if (answer.outcome !== 'unknown') return null;
  return { code: 'payment.unavailable', detail: 'The payment provider did not answer.' };
}

function follow(payment: PaymentRow, at: string, tx: Tx, service: PaymentService): void {
  const { id, order_id, status, failure, reply_to, give_back } = payment;
  const { cause } = reply_to;
  const answer = (outcome: Outcome): void => {
    // Whoever asked for an undo no longer waits for the authorisation.
    if (give_back === null) service.reply(tx, reply_to, outcome);
  };
  switch (status) {
    case 'authorised':
      service.publish(tx, paymentEvents.paymentAuthorised, {
        key: order_id,
        payload: { paymentId: id, orderId: order_id, amount: money(payment.amount, payment.currency), at },
        cause,
      });
      answer({ kind: 'done', output: { paymentId: id } });
      break;
    case 'waiting':
      // The sandbox lives here, so its answer is something that we have to wake it for.
      service.perform(tx, {
        effect: effectNames.sandboxWebhook,
        id,
        payload: { key: id },
        cause,
        delayMs: Math.max(1, service.deps.config.sandboxWebhookDelayMs),
      });
      answer({ kind: 'waiting', forMs: webhookWaitMs });
      break;
    case 'declined':
      answer({ kind: 'refused', code: 'payment.declined', detail: failure?.detail ?? 'The payment was declined.' });
      if (give_back !== null) service.reply(tx, give_back, { kind: 'done', output: {} });
      break;
    case 'unavailable':
      // It may have taken the money all the same; that is let go, however long it takes to reach the provider.
      requestVoid(tx, payment, cause, service);
      answer({
        kind: 'refused',
        code: 'payment.unavailable',
        detail: failure?.detail ?? 'The provider did not answer.',
      });
      break;
    default:
      requestVoid(tx, payment, cause, service);
  }
}
