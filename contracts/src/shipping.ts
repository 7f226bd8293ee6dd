import {
  anyone,
  Country,
  Currency,
  contract,
  internal,
  Line,
  MoneySchema,
  operation,
  strict,
  Type,
} from '@stoa/platform/schema';
import { shippingCommands } from './shipping-messages.ts';

/** A way of sending goods, with its price in one currency. */
export const ShippingMethod = strict({
  code: Type.String(),
  title: Type.String(),
  price: MoneySchema,
  minDays: Type.Integer(),
  maxDays: Type.Integer(),
});
export type ShippingMethod = Type.Static<typeof ShippingMethod>;

/** What the shipping service offers. */
export const shippingContract = contract({
  service: 'shipping',
  operations: {
    listShippingMethods: operation({
      method: 'GET',
      path: '/api/v1/shipping-methods',
      summary: 'The ways of sending goods to a country, the cheapest first',
      access: anyone,
      query: { country: Type.Optional(Country), currency: Type.Optional(Currency) },
      answer: Type.Array(ShippingMethod),
      publicCacheS: 60,
    }),
    quoteShipping: operation({
      method: 'GET',
      path: '/internal/shipping/quote',
      summary: 'The price of a method, or of the cheapest that fits',
      access: internal,
      query: { country: Country, currency: Currency, method: Type.Optional(Line(50)) },
      answer: ShippingMethod,
      errors: ['shipping.unknown-method'],
      // Prices of sending change with the seasons: goods can be sold while the service that sends them is away. The shop stands by the price that it named,
      // so an order at an old quote is no half answer: its total is what is paid.
      timeoutMs: 3_000,
      fallback: { lastGoodMs: 600_000 },
    }),
  },
  events: {},
  commands: shippingCommands,
  errors: { 'shipping.unknown-method': { status: 422, title: 'There is no such shipping method' } },
});
