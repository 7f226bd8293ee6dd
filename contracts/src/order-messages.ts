import {
  event,
  IdText,
  Instant,
  Metadata,
  MoneySchema,
  nullable,
  oneOf,
  type Static,
  strict,
  Type,
} from '@stoa/platform/schema';

/** One line of an order, at the price agreed when it was placed. */
export const OrderLine = strict({
  lineId: IdText,
  sku: Type.String(),
  productId: nullable(IdText),
  title: Type.String(),
  quantity: Type.Integer({ minimum: 1 }),
  unitPrice: MoneySchema,
  lineTotal: MoneySchema,
});
export type OrderLine = Static<typeof OrderLine>;

export const OrderTotals = strict({
  subtotal: MoneySchema,
  discount: MoneySchema,
  shipping: MoneySchema,
  tax: MoneySchema,
  total: MoneySchema,
});
export type OrderTotals = Static<typeof OrderTotals>;

// Personal data never enters a message: the e-mail and the address are rows of the order service, found by `contactId`.
const about = {
  orderId: IdText,
  number: Type.String(),
  userId: nullable(IdText),
  contactId: IdText,
  placedAt: Instant,
};

const orderPlaced = event(
  'order.placed.v1',
  strict({ ...about, items: Type.Array(OrderLine), totals: OrderTotals, metadata: Metadata }),
);

const orderConfirmed = event(
  'order.confirmed.v1',
  strict({ ...about, items: Type.Array(OrderLine), totals: OrderTotals, confirmedAt: Instant, metadata: Metadata }),
);

const orderRejected = event(
  'order.rejected.v1',
  strict({
    ...about,
    totals: OrderTotals,
    code: Type.String(),
    detail: Type.String(),
    rejectedAt: Instant,
    metadata: Metadata,
  }),
);

/** `from` says whether money and stock had already moved: a cancelled confirmed order was revenue before. */
const orderCancelled = event(
  'order.cancelled.v1',
  strict({
    ...about,
    items: Type.Array(OrderLine),
    totals: OrderTotals,
    from: oneOf(['pending', 'confirmed']),
    code: Type.String(),
    detail: Type.String(),
    cancelledAt: Instant,
    metadata: Metadata,
  }),
);

const orderRefunded = event(
  'order.refunded.v1',
  strict({
    ...about,
    refundId: IdText,
    amount: MoneySchema,
    items: Type.Array(strict({ lineId: IdText, sku: Type.String(), quantity: Type.Integer({ minimum: 1 }) })),
    reason: Type.String(),
    refundedAt: Instant,
    metadata: Metadata,
  }),
);

const orderShipped = event(
  'order.shipped.v1',
  strict({
    ...about,
    shipmentId: IdText,
    carrier: Type.String(),
    trackingNumber: nullable(Type.String()),
    shippedAt: Instant,
    metadata: Metadata,
  }),
);

const orderDelivered = event('order.delivered.v1', strict({ ...about, deliveredAt: Instant, metadata: Metadata }));

/** A guest, known by the contact of an order alone, asked to be forgotten: overwrite what is kept about them. */
const contactErased = event('order.contact-erased.v1', strict({ contactId: IdText, erasedAt: Instant }));

/** What the order service tells the others. */
export const orderEvents = {
  contactErased,
  orderPlaced,
  orderConfirmed,
  orderRejected,
  orderCancelled,
  orderRefunded,
  orderShipped,
  orderDelivered,
};
