import type { Service } from '@stoa/platform/service';
import type { Catalogue } from './neighbours/catalogue.ts';
import type { Customers } from './neighbours/customers.ts';
import type { ShippingPrices } from './neighbours/shipping-prices.ts';
import type { Stock } from './neighbours/stock.ts';
import type { OrderChanges } from './order-changes.ts';
import type { OrderTokens } from './order-tokens.ts';
import type { OrderNumbers } from './store/numbers.ts';

/** What the order service's handlers work with. */
export interface OrderDeps {
  readonly catalogue: Catalogue;
  readonly customers: Customers;
  readonly shippingPrices: ShippingPrices;
  readonly stock: Stock;
  readonly numbers: OrderNumbers;
  readonly changes: OrderChanges;
  readonly tokens: OrderTokens;
}

export type OrderService = Service<OrderDeps>;
