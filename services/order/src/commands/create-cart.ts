import type { orderContract } from '@stoa/contracts/order';
import type { Cart } from '@stoa/contracts/order-carts';
import { userIdOf } from '@stoa/platform/http';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import type { Call, Handler } from '@stoa/platform/service';
import { violatedConstraint } from '@stoa/platform/sql';
import { answerWithCart } from '../cart-view.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { cartNotFound } from '../find-cart.ts';
import { inactive } from '../neighbours/customers.ts';
import { insertCart, readCart } from '../store/carts.ts';
import { contactOfErasedUser } from '../store/contacts.ts';

type CreateCart = typeof orderContract.operations.createCart;

/** Makes an empty cart: the user's own, or one for whoever has its token. */
export const createCart: Handler<CreateCart, OrderDeps> = async (call, service) => {
  const { currency = null, metadata = {} } = call.body;
  const id = newId();
  const userId = userIdOf(call.principal) ?? null;
  const cart = { id, user_id: userId, currency, metadata };
  if (userId === null) {
    // Guests have no names, so their keys may be the same: nobody is given the cart of another, nor is a secret kept.
    await insertCart(service.db, cart);
    const answer = await answerOf(id, call, service);
    return { ...answer, body: { ...answer.body, token: service.deps.tokens.cartTokenOf(id) } };
  }
  return once<Cart, CreateCart>(call, service as never, {
    work: async (tx) => {
      await insertCart(tx, cart);
      return { resource: id };
    },
    refusalOf: (error) => (violatedConstraint(error) === contactOfErasedUser ? inactive(error) : undefined),
    settle: (cartId) => answerOf(cartId, call, service),
  });
};

async function answerOf(id: string, call: Call<CreateCart>, service: OrderService) {
  const row = await readCart(service.db, id);
  if (!row) throw cartNotFound(id);
  return { ...(await answerWithCart(row, service, call)), status: 201, headers: { location: `/api/v1/carts/${id}` } };
}
