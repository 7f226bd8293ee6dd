import type { PlaceOrder } from '@stoa/contracts/order';
import type { OrderLine, OrderTotals } from '@stoa/contracts/order-messages';
import { refusal, type Violation } from '@stoa/platform/errors';
import { add, format, type Money, sum, times, zero } from '@stoa/platform/money';
import { amountMax } from '@stoa/platform/schema';

/** What the catalogue says of a SKU. */
export interface CatalogueEntry {
  readonly sku: string;
  readonly productId: string;
  readonly title: string;
  readonly price: Money;
  readonly prices: readonly Money[];
  readonly status: string;
}

export type RequestedItem = NonNullable<PlaceOrder['items']>[number];

const itemsMax = 2_000;

/** What the totals of nothing are told in, where no currency was asked for. */
export const currencyOfNothing = 'EUR';

/** Refuses orders of nothing and of too much. */
export function checkItems(items: readonly RequestedItem[] | undefined): readonly RequestedItem[] {
  if (!items || items.length === 0)
    throw refusal('order.empty', 'An order needs at least one item.', at([{ path: '/items', message: 'is empty' }]));
  if (items.length > itemsMax) {
    throw refusal(
      'order.too-many-items',
      `An order has at most ${itemsMax} items, this one has ${items.length}. Split it.`,
    );
  }
  return items;
}

/** The currency of an order: the one asked for, else the first agreed price's, else the first item's own. */
export function currencyOf(
  request: Pick<PlaceOrder, 'currency' | 'expectedTotal'>,
  items: readonly RequestedItem[],
  catalogue: ReadonlyMap<string, CatalogueEntry>,
): string {
  const agreed = items.find((item) => item.unitPrice)?.unitPrice?.currency;
  const first = items.map((item) => catalogue.get(item.sku.toUpperCase())).find((entry) => entry !== undefined);
  return request.currency ?? agreed ?? request.expectedTotal?.currency ?? first?.price.currency ?? currencyOfNothing;
}

/** The price of a SKU in a currency, where it has one. */
export function priceIn({ price, prices }: CatalogueEntry, currency: string): Money | undefined {
  return [price, ...prices].find((one) => one.currency === currency);
}

/** Prices items at the catalogue's prices, or at those agreed. Refuses naming each line that cannot be priced. Lines that repeat a SKU stay lines. */
export function priceLines(
  items: readonly RequestedItem[],
  catalogue: ReadonlyMap<string, CatalogueEntry>,
  { currency, newId }: { currency: string; newId: () => string },
): OrderLine[] {
  const unknown: Violation[] = [];
  const mismatched: Violation[] = [];
  const tooMuch: Violation[] = [];
  const lines: OrderLine[] = [];
  items.forEach((item, index) => {
    const sku = item.sku.toUpperCase();
    const entry = catalogue.get(sku);
    // What is no longer sold can still be part of a negotiated or imported sale.
    if (!entry || (entry.status !== 'active' && !item.unitPrice)) {
      unknown.push({ path: `/items/${index}/sku`, message: `${item.sku} is not in the catalogue` });
      return;
    }
    const unitPrice = item.unitPrice ?? priceIn(entry, currency);
    if (!unitPrice || unitPrice.currency !== currency) {
      mismatched.push({ path: `/items/${index}`, message: `${sku} has no price in ${currency}` });
      return;
    }
    const lineTotal = totalOf(unitPrice, item.quantity);
    if (!lineTotal) {
      tooMuch.push({ path: `/items/${index}`, message: `${item.quantity} of ${sku} are not payable at once` });
      return;
    }
    lines.push({
      lineId: newId(),
      sku,
      productId: entry.productId,
      title: entry.title,
      quantity: item.quantity,
      unitPrice,
      lineTotal,
    });
  });
  if (unknown.length > 0) throw refusal('order.unknown-sku', sentence(unknown), at(unknown));
  if (mismatched.length > 0) throw refusal('order.currency-mismatch', sentence(mismatched), at(mismatched));
  if (tooMuch.length > 0) throw refusal('order.too-much', sentence(tooMuch), at(tooMuch));
  return lines;
}

/** What so many cost; undefined when it is more than can be paid at once. */
export function totalOf(unitPrice: Money, quantity: number): Money | undefined {
  // A product too large to be exact is far above the most as well.
  return unitPrice.amount * quantity > amountMax ? undefined : times(unitPrice, quantity);
}

/** Adds an order up. Prices include tax, so tax is no sum on top. Refuses more than can be paid at once. */
export function totalsOf(lines: readonly OrderLine[], shipping: Money): OrderTotals {
  const none = zero(shipping.currency);
  const subtotal = sum(
    lines.map((line) => line.lineTotal),
    shipping.currency,
  );
  const total = add(subtotal, shipping);
  if (total.amount > amountMax) {
    const most = format({ ...total, amount: amountMax });
    throw refusal(
      'order.too-much',
      `The order would cost ${format(total)}; ${most} can be paid at once. Split it.`,
      at([{ path: '/items', message: 'cost more together than can be paid at once' }]),
    );
  }
  return { subtotal, discount: none, shipping, tax: none, total };
}

function sentence(violations: readonly Violation[]): string {
  const [first] = violations;
  const more = violations.length - 1;
  return `${first?.message}${more > 0 ? `, nor are ${more} more (see errors)` : ''}.`;
}

function at(errors: readonly Violation[]): { errors: readonly Violation[] } {
  return { errors };
}
