import { command, event, IdText, Instant, MoneySchema, strict, Type } from '@stoa/platform/schema';

/** Authorises the order's total; its undo voids. Refused with `payment.declined` or `payment.unavailable`. */
const authorisePayment = command(
  'payment',
  'payment.authorise.v1',
  strict({ orderId: IdText, amount: MoneySchema, paymentToken: Type.String() }),
  strict({ paymentId: IdText }),
);

/** Captures what was authorised for the order. Refused with `payment.capture-failed` when the provider refuses for good. */
const capturePayment = command(
  'payment',
  'payment.capture.v1',
  strict({ orderId: IdText, amount: MoneySchema }),
  strict({ paymentId: IdText }),
);

/** Gives back part or all of what was captured. Refused with `payment.refund-exceeds-captured`. */
const refundPayment = command(
  'payment',
  'payment.refund.v1',
  strict({ orderId: IdText, refundId: IdText, amount: MoneySchema, refundedAt: Instant }),
  strict({ paymentId: IdText }),
);

/** Gives everything of an order back: voids what is authorised, refunds what is captured and not yet refunded. For cancelled orders. */
const releasePayment = command(
  'payment',
  'payment.release.v1',
  strict({ orderId: IdText }),
  strict({ refunded: MoneySchema }),
);

const about = { paymentId: IdText, orderId: IdText, amount: MoneySchema, at: Instant };

const paymentAuthorised = event('payment.authorised.v1', strict(about));
const paymentCaptured = event('payment.captured.v1', strict(about));
const paymentVoided = event('payment.voided.v1', strict(about));
const paymentRefunded = event('payment.refunded.v1', strict({ ...about, refundId: IdText }));

export const paymentCommands = { authorisePayment, capturePayment, refundPayment, releasePayment };
export const paymentEvents = { paymentAuthorised, paymentCaptured, paymentVoided, paymentRefunded };
