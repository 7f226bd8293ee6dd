import type { orderContract } from '@stoa/contracts/order';
import { cartSkusMax } from '@stoa/contracts/order-carts';
import { refusal } from '@stoa/platform/errors';
import type { Money } from '@stoa/platform/money';
import { amountMax } from '@stoa/platform/schema';
import type { Call, Handler } from '@stoa/platform/service';
import { answerWithCart } from '../cart-view.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { type CatalogueEntry, priceIn } from '../domain/pricing.ts';
import { findCart, requireOpen, whyNot } from '../find-cart.ts';
import { type CartRow, putItem, readCart, touchCart } from '../store/carts.ts';

type SetCartItemCall = Call<typeof orderContract.operations.setCartItem>;

/** Sets how many of a SKU are in a cart, at today's price. */
export const setCartItem: Handler<typeof orderContract.operations.setCartItem, OrderDeps> = async (call, service) => {
  const cart = await findCart(call, call.params.id, service);
  requireOpen(cart, call);
  const { sku, title, unitPrice } = await priceOf(call, cart, service);
  const { quantity } = call.body;
  await service.db.transaction(async (tx) => {
    const touched = await touchCart(tx, {
      id: cart.id,
      currency: unitPrice.currency,
      ...(call.ifMatch !== undefined && { version: cart.version }),
    });
    if (!touched) throw await whyNot(tx, cart.id);
    // Another first item, in another currency, was quicker.
    if (touched.currency !== unitPrice.currency) throw noPrice(sku, touched.currency as string);
    if ((await putItem(tx, cart.id, { sku, quantity, title, unitPrice })) > cartSkusMax) {
      throw refusal('cart.too-many-items', `A cart holds at most ${cartSkusMax} different SKUs.`);
    }
  });
  return answerWithCart((await readCart(service.db, cart.id)) as CartRow, service, call);
};

async function priceOf(
  call: SetCartItemCall,
  cart: CartRow,
  { deps }: OrderService,
): Promise<CatalogueEntry & { unitPrice: Money }> {
  const sku = call.params.sku.toUpperCase();
  const entry = (await deps.catalogue.find([sku], call)).get(sku);
  if (entry?.status !== 'active') throw refusal('order.unknown-sku', `${call.params.sku} is not in the catalogue.`);
  const unitPrice = priceIn(entry, cart.currency ?? entry.price.currency);
  if (!unitPrice) throw noPrice(sku, cart.currency as string);
  const others = cart.items
    .filter((item) => item.sku !== sku)
    .reduce((total, item) => total + item.unitPrice.amount * item.quantity, 0);
  if (others + unitPrice.amount * call.body.quantity > amountMax) {
    throw refusal(
      'cart.too-much',
      `With ${call.body.quantity} of ${sku} the cart would cost more than can be paid at once.`,
    );
  }
  return { ...entry, unitPrice };
}

function noPrice(sku: string, currency: string): Error {
  return refusal('order.currency-mismatch', `${sku} has no price in ${currency}.`);
}
