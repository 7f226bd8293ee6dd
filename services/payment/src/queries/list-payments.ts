import type { paymentContract } from '@stoa/contracts/payment';
import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText, Type } from '@stoa/platform/schema';
import type { PaymentHandler } from '../deps.ts';
import { findPayments, findPaymentsOfOrder } from '../store/payment-view.ts';

const limitDefault = 20;
const position = Type.Tuple([IdText]);

export const listPayments: PaymentHandler<typeof paymentContract.operations.listPayments> = async (call, { db }) => {
  const { limit = limitDefault, cursor, orderId } = call.query;
  const [before] = cursor === undefined ? [] : decodeCursor(position, cursor);
  // An order has one payment.
  if (orderId !== undefined) return { body: { items: await findPaymentsOfOrder(db, orderId), nextCursor: null } };
  return { body: pageOf(await findPayments(db, { before, limit: limit + 1 }), limit, ({ id }) => [id]) };
};
