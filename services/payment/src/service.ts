import { paymentContract } from '@stoa/contracts/payment';
import { defineService } from '@stoa/platform/service';
import { authorisePayment } from './commands/authorise-payment.ts';
import { capturePayment } from './commands/capture-payment.ts';
import { hearWebhook } from './commands/hear-webhook.ts';
import { refundPayment } from './commands/refund-payment.ts';
import { releasePayment } from './commands/release-payment.ts';
import { type PaymentDeps, prepare } from './deps.ts';
import { authorise } from './effects/authorise.ts';
import { capture } from './effects/capture.ts';
import { lookUp } from './effects/look-up.ts';
import { refund } from './effects/refund.ts';
import { sandboxWebhook } from './effects/sandbox-webhook.ts';
import { voidCharge } from './effects/void.ts';
import { invariants } from './invariants.ts';
import { lookUpWaiting } from './jobs/look-up-waiting.ts';
import { getPayment } from './queries/get-payment.ts';
import { getProviderTotals } from './queries/get-provider-totals.ts';
import { listPayments } from './queries/list-payments.ts';
import { listProviderCharges } from './queries/list-provider-charges.ts';

/** Money: set aside, taken, given back, and booked; the provider is asked outside of every transaction. */
export const payment = defineService<PaymentDeps>({
  name: 'payment',
  contract: paymentContract,
  migrations: new URL('../migrations/', import.meta.url),
  prepare,
  routes: { listPayments, getPayment, hearWebhook, getProviderTotals, listProviderCharges },
  commands: [authorisePayment, capturePayment, refundPayment, releasePayment],
  effects: [authorise, capture, voidCharge, refund, lookUp, sandboxWebhook],
  jobs: [lookUpWaiting],
  invariants,
});
