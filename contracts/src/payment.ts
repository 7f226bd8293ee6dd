import {
  contract,
  IdText,
  Instant,
  internal,
  MoneySchema,
  nullable,
  oneOf,
  operation,
  page,
  pageQuery,
  signed,
  staff,
  strict,
  Type,
} from '@stoa/platform/schema';
import { paymentCommands, paymentEvents } from './payment-messages.ts';

/**
 * How a payment stands. `waiting`: the provider answers by webhook. `unavailable`: the provider did not answer in time; whatever it took is
 * voided. `capturing` and `voiding`: decided, and on its way to the provider.
 */
export const paymentStatuses = [
  'authorising',
  'waiting',
  'authorised',
  'declined',
  'unavailable',
  'voiding',
  'voided',
  'capturing',
  'captured',
  'capture-failed',
] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

const failure = strict({ code: Type.String(), detail: Type.String() });

/** One answer of the provider, or `unknown` when there was none. */
const Attempt = strict({
  kind: oneOf(['authorise', 'capture', 'void', 'refund']),
  outcome: oneOf(['approved', 'declined', 'pending', 'unknown']),
  tries: Type.Integer({ minimum: 1, description: 'Calls it took to get this answer' }),
  failure: nullable(failure),
  at: Instant,
});

const Capture = strict({ id: IdText, amount: MoneySchema, capturedAt: Instant });

const PaymentRefund = strict({
  id: IdText,
  amount: MoneySchema,
  status: oneOf(['pending', 'done', 'refused']),
  failure: nullable(failure),
  refundedAt: Instant,
});

/** The accounts of the ledger: what the provider owes us, and what customers have paid for. */
export const ledgerAccounts = ['provider-clearing', 'sales'] as const;

/** One line of the double-entry ledger; a movement has two, and its debits equal its credits. */
const LedgerLine = strict({
  movement: oneOf(['capture', 'refund']),
  movementId: IdText,
  account: oneOf(ledgerAccounts),
  debit: MoneySchema,
  credit: MoneySchema,
  at: Instant,
});

/** The payment of one order: the intent, what the provider said, what was taken and given back, and how it was booked. */
export const Payment = strict({
  id: IdText,
  orderId: IdText,
  provider: Type.String(),
  status: oneOf(paymentStatuses),
  amount: MoneySchema,
  captured: MoneySchema,
  refunded: MoneySchema,
  failure: nullable(failure),
  attempts: Type.Array(Attempt),
  captures: Type.Array(Capture),
  refunds: Type.Array(PaymentRefund),
  ledger: Type.Array(LedgerLine),
  createdAt: Instant,
  updatedAt: Instant,
  version: Type.Integer({ minimum: 1 }),
});
export type Payment = Type.Static<typeof Payment>;

/** What the provider says it did for one order. */
export const ProviderCharge = strict({
  key: IdText,
  orderId: IdText,
  /** Whether we have a payment for it. */
  known: Type.Boolean(),
  state: oneOf(['pending', 'authorised', 'declined', 'captured', 'voided']),
  captures: Type.Integer({ minimum: 0 }),
  captured: MoneySchema,
  refunded: MoneySchema,
});
export type ProviderCharge = Type.Static<typeof ProviderCharge>;

/** The header in which a provider signs its webhooks: `t=1700000000,v1=<hex>`, HMAC-SHA256 over `<t>.<body>`. */
export const webhookSignatureHeader = 'webhook-signature';

const support = staff('support');

/** What the payment service offers. */
export const paymentContract = contract({
  service: 'payment',
  operations: {
    listPayments: operation({
      method: 'GET',
      path: '/api/v1/payments',
      summary: 'Payments, newest first, or the one of an order',
      access: support,
      query: { ...pageQuery, orderId: Type.Optional(IdText) },
      answer: page(Payment),
    }),
    getPayment: operation({
      method: 'GET',
      path: '/api/v1/payments/:id',
      summary: 'One payment',
      access: support,
      params: { id: IdText },
      answer: Payment,
      errors: ['payment.not-found'],
    }),
    hearWebhook: operation({
      method: 'POST',
      path: '/api/v1/webhooks/payments/:provider',
      summary: 'Hears what a payment provider has to say',
      access: signed,
      params: { provider: Type.String({ pattern: '^[a-z]{1,30}$' }) },
      rawBody: ['application/json'],
      bodyBytesMax: 64 * 1024,
      errors: ['payment.unknown-provider'],
    }),
    getProviderTotals: operation({
      method: 'GET',
      path: '/internal/payment/provider-totals',
      summary: 'What the provider, the payments and the ledger each say was captured and refunded',
      access: internal,
      answer: strict({
        totals: Type.Array(
          strict({
            currency: Type.String(),
            provider: strict({ captured: Type.Integer(), refunded: Type.Integer() }),
            payments: strict({ captured: Type.Integer(), refunded: Type.Integer() }),
            ledger: strict({ captured: Type.Integer(), refunded: Type.Integer() }),
          }),
        ),
        chargesWithoutPayment: Type.Array(IdText),
        ordersCapturedTwice: Type.Array(IdText),
      }),
    }),
    listProviderCharges: operation({
      method: 'GET',
      path: '/internal/payment/provider-charges',
      summary: 'Every charge at the provider, in order of its key',
      access: internal,
      query: pageQuery,
      answer: page(ProviderCharge),
    }),
  },
  events: paymentEvents,
  commands: paymentCommands,
  errors: {
    'payment.not-found': { status: 404, title: 'There is no such payment' },
    'payment.unknown-provider': { status: 404, title: 'There is no such payment provider' },
    'payment.declined': { status: 402, title: 'The payment was declined' },
    'payment.unavailable': { status: 503, title: 'The payment provider did not answer' },
    'payment.capture-failed': { status: 409, title: 'The provider refused to capture the payment' },
    'payment.refund-exceeds-captured': { status: 409, title: 'The refund is more than what is left of the payment' },
    'payment.refund-failed': { status: 409, title: 'The provider refused the refund' },
    'payment.not-undoable': { status: 409, title: 'Money that has moved is given back by a refund, not by an undo' },
  },
});
