import type { Money } from '@stoa/platform/money';
import type { Cause } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { PaymentService } from '../deps.ts';
import type { ChargeRequest } from '../domain/charge.ts';
import type { ReplyTo } from '../domain/reply-to.ts';
import type { PaymentRow } from '../store/payments.ts';

/** Names of the effects at the provider. */
export const effectNames = {
  authorise: 'payment-authorise',
  capture: 'payment-capture',
  void: 'payment-void',
  refund: 'payment-refund',
  lookUp: 'payment-look-up',
  sandboxWebhook: 'sandbox-webhook',
} as const;

/** For calls that have to succeed one day: nobody counts these tries, backoff goes up to a minute. */
export const triesWithoutEnd = 1_000_000;

export interface CapturePayload {
  readonly paymentId: string;
  readonly orderId: string;
  readonly amount: Money;
  readonly replyTo: ReplyTo;
}

export interface RefundPayload extends CapturePayload {
  readonly refundId: string;
  readonly refundedAt: string;
  /** Whether the one who waits asked for everything to be given back, not for this refund. */
  readonly release: boolean;
}

/** The charge of a payment, as it was asked for and will be asked for again. */
export function chargeOf(payment: PaymentRow): ChargeRequest {
  const { id, order_id, amount, currency, payment_token } = payment;
  return { key: id, orderId: order_id, amount: { amount, currency }, paymentToken: payment_token };
}

/** Has the provider let go of whatever it holds for a payment, however long that takes. */
export function requestVoid(tx: Tx, payment: PaymentRow, cause: Cause, service: PaymentService): void {
  service.perform(tx, { effect: effectNames.void, id: payment.id, payload: chargeOf(payment), cause });
}
