import type { orderContract } from '@stoa/contracts/order';
import type { Handler } from '@stoa/platform/service';
import { answerWithCart } from '../cart-view.ts';
import type { OrderDeps } from '../deps.ts';
import { findCart, requireOpen, whyNot } from '../find-cart.ts';
import { type CartRow, deleteItem, readCart, touchCart } from '../store/carts.ts';

/** Takes a SKU out of a cart. What is not in it stays out of it: asking twice is no error. */
export const removeCartItem: Handler<typeof orderContract.operations.removeCartItem, OrderDeps> = async (
  call,
  service,
) => {
  const cart = await findCart(call, call.params.id, service);
  requireOpen(cart, call);
  await service.db.transaction(async (tx) => {
    const touched = await touchCart(tx, { id: cart.id, ...(call.ifMatch !== undefined && { version: cart.version }) });
    if (!touched) throw await whyNot(tx, cart.id);
    await deleteItem(tx, cart.id, call.params.sku.toUpperCase());
  });
  return answerWithCart((await readCart(service.db, cart.id)) as CartRow, service, call);
};
