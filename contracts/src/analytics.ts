import {
  Currency,
  contract,
  IdText,
  Instant,
  internal,
  MoneySchema,
  nullable,
  oneOf,
  operation,
  type Static,
  staff,
  strict,
  Type,
} from '@stoa/platform/schema';

/** The last event that an answer includes; null before the first one. */
export const AsOf = nullable(strict({ eventId: IdText, at: Instant }));
export type AsOf = Static<typeof AsOf>;

/** `from` is included, `to` is not; both are exact to the instant. */
const period = { from: Type.Optional(Instant), to: Type.Optional(Instant) };

const currency = {
  currency: Type.Optional(Currency),
};

const count = Type.Integer({ minimum: 0 });

/**
 * What a period came to, in one currency. Orders, revenue, cancelled and rejected are counted by `placedAt`, refunds by `refundedAt`, new
 * customers (whatever their currency) by their registration. Everything is exact, not sampled.
 *
 * Revenue is the total of the orders that were confirmed and not cancelled afterwards; refunds are those of the same orders. So over all time
 * `revenue − refunds` is what the payment ledger has as captured less refunded, once no order is on its way.
 */
export const Summary = strict({
  currency: Currency,
  /** Every currency with orders in the period, the most used first; `currency` is the first of them unless it was asked for. */
  currencies: Type.Array(Currency),
  orders: count,
  revenue: MoneySchema,
  averageOrderValue: MoneySchema,
  refunds: MoneySchema,
  cancelled: count,
  rejected: count,
  newCustomers: count,
  asOf: AsOf,
});
export type Summary = Static<typeof Summary>;

const getSummary = operation({
  method: 'GET',
  path: '/api/v1/analytics/summary',
  summary: 'What a period came to; all time unless limited',
  access: staff('support'),
  query: { ...period, ...currency },
  answer: Summary,
});

export const metrics = ['orders', 'revenue', 'refunds'] as const;
export const intervals = ['hour', 'day', 'week', 'month'] as const;
export type Metric = (typeof metrics)[number];
export type Interval = (typeof intervals)[number];

/** One value an interval, none left out: a count for `orders`, money for the others. The first and last intervals may be cut by the period. */
export const Series = strict({
  metric: oneOf(metrics),
  interval: oneOf(intervals),
  currency: Currency,
  points: Type.Array(strict({ start: Instant, value: Type.Union([count, MoneySchema]) })),
  asOf: AsOf,
});
export type Series = Static<typeof Series>;

const getSeries = operation({
  method: 'GET',
  path: '/api/v1/analytics/series',
  summary: 'A metric over time, in UTC; weeks start on Monday; the last 30 days unless limited, at most 5,000 points',
  access: staff('support'),
  query: { metric: oneOf(metrics), interval: oneOf(intervals), ...period, ...currency },
  answer: Series,
});

/** Sold goods of orders that were confirmed and not cancelled, at line prices, before order discounts and refunds. */
export const TopProduct = strict({
  productId: nullable(IdText),
  skus: Type.Array(Type.String()),
  title: Type.String(),
  quantity: count,
  revenue: MoneySchema,
});
export type TopProduct = Static<typeof TopProduct>;

const getTopProducts = operation({
  method: 'GET',
  path: '/api/v1/analytics/top-products',
  summary: 'The products that sold best in a period; all time unless limited',
  access: staff('support'),
  query: {
    by: Type.Optional(oneOf(['revenue', 'quantity'])),
    ...period,
    ...currency,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  answer: strict({ currency: Currency, items: Type.Array(TopProduct), asOf: AsOf }),
});

const exportSales = operation({
  method: 'GET',
  path: '/api/v1/analytics/export',
  summary: 'Orders, or their lines, as CSV (RFC 4180, amounts in decimals); oldest first; all time unless limited',
  access: staff('support'),
  query: { ...period, ...currency, rows: Type.Optional(oneOf(['orders', 'lines'])) },
  streams: 'text/csv; charset=utf-8',
});

const startRebuild = operation({
  method: 'POST',
  path: '/internal/analytics/rebuild',
  summary: 'Folds the log of heard events anew, beside the live tables, and then puts the result in their place',
  access: internal,
  answer: strict({ generation: Type.Integer() }),
  statuses: [202],
});

/** What the analytics service offers: figures on what was sold. */
export const analyticsContract = contract({
  service: 'analytics',
  operations: { getSummary, getSeries, getTopProducts, exportSales, startRebuild },
  events: {},
  commands: {},
  errors: {},
});
