import type { paymentContract } from '@stoa/contracts/payment';
import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText, Type } from '@stoa/platform/schema';
import type { PaymentHandler } from '../deps.ts';
import { findProviderCharges } from '../store/books.ts';

const limitDefault = 20;
const position = Type.Tuple([IdText]);

export const listProviderCharges: PaymentHandler<typeof paymentContract.operations.listProviderCharges> = async (
  call,
  { db },
) => {
  const { limit = limitDefault, cursor } = call.query;
  const [after] = cursor === undefined ? [] : decodeCursor(position, cursor);
  return { body: pageOf(await findProviderCharges(db, { after, limit: limit + 1 }), limit, ({ key }) => [key]) };
};
