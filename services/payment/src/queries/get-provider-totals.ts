import type { paymentContract } from '@stoa/contracts/payment';
import type { PaymentHandler } from '../deps.ts';
import { bookTotals, chargesWithoutPayment, ordersCapturedTwice } from '../store/books.ts';

const witnessesMax = 100;

export const getProviderTotals: PaymentHandler<typeof paymentContract.operations.getProviderTotals> = async (
  _call,
  { db },
) => {
  const [totals, strays, twice] = await Promise.all([
    bookTotals(db),
    chargesWithoutPayment(db, witnessesMax),
    ordersCapturedTwice(db, witnessesMax),
  ]);
  return { body: { totals, chargesWithoutPayment: strays, ordersCapturedTwice: twice } };
};
