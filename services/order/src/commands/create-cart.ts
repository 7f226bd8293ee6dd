import type { orderContract } from '@stoa/contracts/order';
import { userIdOf } from '@stoa/platform/http';
import { newId } from '@stoa/platform/ids';
import type { Handler } from '@stoa/platform/service';
import { answerWithCart } from '../cart-view.ts';
import type { OrderDeps } from '../deps.ts';
import { type CartRow, insertCart, readCart } from '../store/carts.ts';

/** Makes an empty cart: the user's own, or one for whoever has its token. */
export const createCart: Handler<typeof orderContract.operations.createCart, OrderDeps> = async (call, service) => {
  const { currency = null, metadata = {} } = call.body;
  const id = newId();
  const userId = userIdOf(call.principal) ?? null;
  await insertCart(service.db, { id, user_id: userId, currency, metadata });
  const answer = await answerWithCart((await readCart(service.db, id)) as CartRow, service, call);
  const token = userId === null ? { token: service.deps.tokens.cartTokenOf(id) } : {};
  return { ...answer, headers: { location: `/api/v1/carts/${id}` }, body: { ...answer.body, ...token } };
};
