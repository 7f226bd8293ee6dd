import type { paymentContract } from '@stoa/contracts/payment';
import { refusal } from '@stoa/platform/errors';
import type { PaymentHandler } from '../deps.ts';
import { findPayment } from '../store/payment-view.ts';

export const getPayment: PaymentHandler<typeof paymentContract.operations.getPayment> = async (call, { db }) => {
  const payment = await findPayment(db, call.params.id);
  if (payment === undefined) throw refusal('payment.not-found', 'There is no payment with this id.');
  return { body: payment, version: payment.version };
};
