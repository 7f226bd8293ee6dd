import { createHash } from 'node:crypto';
import type { Cart } from '@stoa/contracts/order-carts';
import type { Asker } from '@stoa/platform/schema';
import type { Answer } from '@stoa/platform/service';
import type { OrderService } from './deps.ts';
import { priceCart } from './domain/cart.ts';
import { currencyOfNothing } from './domain/pricing.ts';
import type { CartRow } from './store/carts.ts';

/** A cart as its owner sees it now: at today's prices, with what is in stock. */
export async function answerWithCart(
  cart: CartRow,
  { deps }: OrderService,
  asker: Asker,
): Promise<Answer<Cart> & { body: Cart }> {
  const skus = cart.items.map((item) => item.sku);
  const [catalogue, available] = await Promise.all([deps.catalogue.find(skus, asker), deps.stock.find(skus, asker)]);
  const currency = cart.currency ?? currencyOfNothing;
  const { items, totals, changes } = priceCart(cart.items, { currency, catalogue, available });
  const body: Cart = {
    id: cart.id,
    orderId: cart.order_id,
    currency,
    items,
    totals,
    // What has been ordered is settled: the stock it lacks may be what it took itself.
    changes: cart.order_id === null ? changes : [],
    partial: available === undefined ? ['inventory'] : [],
    metadata: cart.metadata,
    createdAt: cart.created_at,
    updatedAt: cart.updated_at,
    version: cart.version,
  };
  // Prices and stock move without the cart being changed: a tag of its version alone would answer 304 to them.
  const digest = createHash('sha256')
    .update(JSON.stringify([items, changes]))
    .digest('hex')
    .slice(0, 12);
  return { body, version: `${cart.version}-${digest}` };
}
