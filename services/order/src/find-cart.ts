import { refusal } from '@stoa/platform/errors';
import { requireMatch, userIdOf } from '@stoa/platform/http';
import type { Principal } from '@stoa/platform/schema';
import type { Sql } from '@stoa/platform/sql';
import type { OrderService } from './deps.ts';
import { type CartRow, readCart } from './store/carts.ts';

interface Asking {
  readonly principal: Principal;
  readonly cartToken?: string | undefined;
}

/** The cart, if it is the caller's: a user's own, or a guest's with its token, which stays good after signing in. Staff see no cart but their own. */
export async function findCart({ principal, cartToken }: Asking, id: string, service: OrderService): Promise<CartRow> {
  const cart = await readCart(service.db, id);
  const isTheirs =
    cart?.user_id === null ? service.deps.tokens.provesCart(cartToken, id) : cart?.user_id === userIdOf(principal);
  if (!cart || !isTheirs) throw cartNotFound(id);
  return cart;
}

/** Refuses what has been ordered, and what `If-Match` says was something else. */
export function requireOpen(cart: CartRow, call: { readonly ifMatch?: string | undefined } = {}): void {
  if (cart.order_id !== null) throw cartOrdered(cart.order_id);
  // A cart's tag ends in a digest of its prices, which move by themselves; a change is of the version.
  requireMatch({ ifMatch: call.ifMatch?.replaceAll(/-[0-9a-f]+"/g, '"') }, cart.version);
}

/** Why a cart could not be changed that was open a moment ago: it is gone, ordered, or `changed`. */
export async function whyNot(sql: Sql, id: string, changed: () => Error = stale): Promise<Error> {
  const cart = await readCart(sql, id);
  if (!cart) return cartNotFound(id);
  return cart.order_id === null ? changed() : cartOrdered(cart.order_id);
}

function stale(): Error {
  return refusal('resource.stale', 'The cart has changed since it was read. Read it again and repeat the change.');
}

export function cartNotFound(id: string): Error {
  return refusal('cart.not-found', `There is no cart ${id}.`);
}

function cartOrdered(orderId: string): Error {
  return refusal('cart.ordered', `The cart has been ordered: it is order ${orderId}.`);
}
