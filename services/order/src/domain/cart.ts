import type { CartChange, CartItem } from '@stoa/contracts/order-carts';
import type { OrderTotals } from '@stoa/contracts/order-messages';
import { add, type Money, zero } from '@stoa/platform/money';
import { amountMax } from '@stoa/platform/schema';
import { type CatalogueEntry, priceIn, totalOf } from './pricing.ts';

/** An item as it was when it was last set. */
export interface KeptItem {
  readonly sku: string;
  readonly quantity: number;
  readonly title: string;
  readonly unitPrice: Money;
}

export interface PricedCart {
  readonly items: CartItem[];
  readonly totals: OrderTotals;
  readonly changes: CartChange[];
}

/**
 * A cart at today's prices, and what is no longer as it was when its items were set.
 *
 * @param available units by SKU, where a SKU without stock is missing; undefined when nobody knows
 */
export function priceCart(
  kept: readonly KeptItem[],
  {
    currency,
    catalogue,
    available,
  }: {
    currency: string;
    catalogue: ReadonlyMap<string, CatalogueEntry>;
    available: ReadonlyMap<string, number> | undefined;
  },
): PricedCart {
  const items: CartItem[] = [];
  const changes: CartChange[] = [];
  let subtotal = zero(currency);
  for (const { sku, quantity, title, unitPrice: from } of kept) {
    const entry = catalogue.get(sku);
    const unitPrice = entry?.status === 'active' ? priceIn(entry, currency) : undefined;
    const lineTotal = unitPrice && totalOf(unitPrice, quantity);
    // Prices may have risen since the cart was within what can be paid at once.
    if (!entry || !unitPrice || !lineTotal || add(subtotal, lineTotal).amount > amountMax) {
      changes.push({ sku, title, kind: 'gone', quantity });
      continue;
    }
    const stock = available && { available: available.get(sku) ?? 0 };
    subtotal = add(subtotal, lineTotal);
    items.push({ sku, title: entry.title, productId: entry.productId, quantity, unitPrice, lineTotal, ...stock });
    if (unitPrice.amount !== from.amount)
      changes.push({ sku, title: entry.title, kind: 'price-changed', from, to: unitPrice });
    if (stock && stock.available < quantity)
      changes.push({ sku, title: entry.title, kind: 'ran-short', quantity, ...stock });
  }
  const none = zero(currency);
  return { items, totals: { subtotal, discount: none, shipping: none, tax: none, total: subtotal }, changes };
}
