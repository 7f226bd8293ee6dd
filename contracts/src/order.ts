import {
  Address,
  contract,
  Email,
  IdText,
  Instant,
  internal,
  Line,
  Metadata,
  MoneySchema,
  NewMetadata,
  nullable,
  oneOf,
  operation,
  page,
  pageQuery,
  Quantity,
  staff,
  strict,
  Type,
} from '@stoa/platform/schema';
import { cartErrors, cartOperations, KeptCart } from './order-carts.ts';
import { OrderLine, OrderTotals, orderEvents } from './order-messages.ts';

export const orderStatuses = ['pending', 'confirmed', 'shipped', 'delivered', 'rejected', 'cancelled'] as const;
export type OrderStatus = (typeof orderStatuses)[number];

const ShipmentItem = strict({ lineId: IdText, quantity: Type.Integer({ minimum: 1 }) });

/** Goods that have left. */
export const Shipment = strict({
  id: IdText,
  carrier: Type.String(),
  trackingNumber: nullable(Type.String()),
  items: Type.Array(ShipmentItem),
  shippedAt: Instant,
  deliveredAt: nullable(Instant),
});
export type Shipment = Type.Static<typeof Shipment>;

export const paymentStates = [
  'pending',
  'authorised',
  'captured',
  'partially-refunded',
  'refunded',
  'voided',
  'failed',
] as const;

/** An order as its owner and the staff see it. */
export const Order = strict({
  id: IdText,
  number: Type.String(),
  status: oneOf(orderStatuses),
  userId: nullable(IdText),
  email: nullable(Type.String()),
  externalId: nullable(Type.String()),
  items: Type.Array(OrderLine),
  totals: OrderTotals,
  payment: strict({
    status: oneOf(paymentStates),
    authorised: MoneySchema,
    captured: MoneySchema,
    refunded: MoneySchema,
  }),
  shippingAddress: nullable(Address),
  shippingMethod: nullable(Type.String()),
  shipments: Type.Array(Shipment),
  failure: Type.Optional(strict({ code: Type.String(), detail: Type.String() })),
  metadata: Metadata,
  taxExempt: Type.Optional(Type.Boolean({ description: 'True where staff said so; prices are kept as they are' })),
  placedAt: Instant,
  createdAt: Instant,
  updatedAt: Instant,
  version: Type.Integer({ minimum: 1 }),
  orderToken: Type.Optional(Type.String({ description: "A guest's proof; only in the answer to placing the order" })),
});
export type Order = Type.Static<typeof Order>;

const externalId = Line(100);

/** What `POST /api/v1/orders` takes. The second half is for staff: imports and negotiated sales. */
export const PlaceOrder = strict({
  cartId: Type.Optional(IdText),
  items: Type.Optional(
    Type.Array(strict({ sku: Line(64), quantity: Quantity, unitPrice: Type.Optional(MoneySchema) }), {
      maxItems: 10_000,
    }),
  ),
  email: Type.Optional(Email),
  shippingAddress: Type.Optional(Address),
  shippingMethod: Type.Optional(Line(50)),
  couponCode: Type.Optional(Line(64)),
  expectedTotal: Type.Optional(MoneySchema),
  paymentToken: Type.String({
    pattern: '^(?!.*\\d{12})[A-Za-z][A-Za-z0-9_-]{2,127}$',
    description: 'A token, never a card number',
  }),
  currency: Type.Optional(MoneySchema.properties.currency),
  metadata: Type.Optional(NewMetadata),
  customerId: Type.Optional(IdText),
  externalId: Type.Optional(externalId),
  placedAt: Type.Optional(Instant),
  taxExempt: Type.Optional(Type.Boolean()),
});
export type PlaceOrder = Type.Static<typeof PlaceOrder>;

export const Refund = strict({
  id: IdText,
  orderId: IdText,
  status: oneOf(['pending', 'done', 'refused']),
  amount: MoneySchema,
  items: Type.Array(ShipmentItem),
  reason: Type.String(),
  restock: Type.Boolean(),
  refundedAt: Instant,
  failure: Type.Optional(strict({ code: Type.String(), detail: Type.String() })),
});
export type Refund = Type.Static<typeof Refund>;

export const RequestRefund = strict({
  items: Type.Optional(Type.Array(ShipmentItem, { minItems: 1, maxItems: 10_000 })),
  amount: Type.Optional(MoneySchema),
  reason: Line(500),
  restock: Type.Optional(Type.Boolean()),
  refundedAt: Type.Optional(Instant),
});
export type RequestRefund = Type.Static<typeof RequestRefund>;

export const OrderEvent = strict({
  version: Type.Integer({ minimum: 1 }),
  type: Type.String(),
  at: Instant,
  actor: Type.String(),
  data: Type.Unknown(),
});

const params = { id: IdText };
const owned = { who: 'owner', orRoles: ['support', 'operator'], guest: 'order-token' } as const;

/** What the order service offers. */
export const orderContract = contract({
  service: 'order',
  operations: {
    ...cartOperations,
    placeOrder: operation({
      method: 'POST',
      path: '/api/v1/orders',
      summary: 'Places an order',
      access: { who: 'anyone' },
      body: PlaceOrder,
      answer: Order,
      statuses: [202, 201],
      idempotency: 'required',
      timeoutMs: 40_000,
      bodyBytesMax: 2 * 1024 * 1024,
      errors: [
        'order.unknown-sku',
        'order.empty',
        'order.too-many-items',
        'order.too-much',
        'order.price-changed',
        'order.external-id-taken',
        'order.currency-mismatch',
        'order.email-needed',
        'order.address-needed',
        'cart.not-found',
        'cart.ordered',
        'cart.changed',
        'coupon.unknown',
        'user.inactive',
        'shipping.unknown-method',
      ],
    }),
    listOrders: operation({
      method: 'GET',
      path: '/api/v1/orders',
      summary: 'Orders, newest first: the caller’s own, or everybody’s for support',
      access: { who: 'owner', orRoles: ['support', 'operator'] },
      query: {
        ...pageQuery,
        status: Type.Optional(oneOf(orderStatuses)),
        from: Type.Optional(Instant),
        to: Type.Optional(Instant),
        externalId: Type.Optional(externalId),
      },
      answer: page(Order),
    }),
    getOrder: operation({
      method: 'GET',
      path: '/api/v1/orders/:id',
      summary: 'One order',
      access: owned,
      params,
      answer: Order,
      errors: ['order.not-found'],
    }),
    listOrderEvents: operation({
      method: 'GET',
      path: '/api/v1/orders/:id/events',
      summary: 'Everything that happened to an order, in order',
      access: owned,
      params,
      answer: Type.Array(OrderEvent),
      errors: ['order.not-found'],
    }),
    streamOrder: operation({
      method: 'GET',
      path: '/api/v1/orders/:id/stream',
      summary: 'The order at each change, as server-sent events',
      access: owned,
      params,
      streams: 'text/event-stream',
      // 204 to whoever has seen the end.
      statuses: [200, 204],
      errors: ['order.not-found'],
    }),
    cancelOrder: operation({
      method: 'POST',
      path: '/api/v1/orders/:id/cancel',
      summary: 'Cancels an order that has not shipped',
      access: owned,
      params,
      body: strict({ reason: Line(500) }),
      answer: Order,
      statuses: [202],
      idempotency: 'accepted',
      errors: ['order.not-found', 'order.not-cancellable'],
    }),
    refundOrder: operation({
      method: 'POST',
      path: '/api/v1/orders/:id/refunds',
      summary: 'Gives money back, and takes goods back into stock when asked to',
      access: staff('support'),
      params,
      body: RequestRefund,
      answer: Refund,
      statuses: [202, 201],
      idempotency: 'required',
      timeoutMs: 40_000,
      bodyBytesMax: 2 * 1024 * 1024,
      errors: ['order.not-found', 'payment.refund-exceeds-captured', 'order.unknown-line', 'order.refund-empty'],
    }),
    createShipment: operation({
      method: 'POST',
      path: '/api/v1/orders/:id/shipments',
      summary: 'Says that goods have left',
      access: staff('operator'),
      params,
      body: strict({
        items: Type.Optional(Type.Array(ShipmentItem, { minItems: 1, maxItems: 10_000 })),
        carrier: Line(100),
        trackingNumber: Type.Optional(Line(100)),
      }),
      answer: Shipment,
      statuses: [201],
      idempotency: 'required',
      errors: ['order.not-found', 'order.not-shippable', 'order.unknown-line'],
    }),
    markDelivered: operation({
      method: 'POST',
      path: '/api/v1/shipments/:id/delivered',
      summary: 'Says that a shipment has arrived',
      access: staff('operator'),
      params,
      answer: Shipment,
      idempotency: 'accepted',
      errors: ['shipment.not-found'],
    }),
    eraseGuest: operation({
      method: 'POST',
      path: '/api/v1/privacy/erase',
      summary: 'Erases the personal data of the guest order that X-Order-Token belongs to; the order stays',
      access: { who: 'anyone' },
      body: strict({
        orderId: Type.Optional({ ...IdText, description: 'Refused unless the token is of this order' }),
      }),
      errors: ['order.not-found'],
    }),
    getContact: operation({
      method: 'GET',
      path: '/internal/order/contacts/:id',
      summary: 'Whom to write to about an order',
      access: internal,
      params,
      answer: strict({ email: nullable(Type.String()), name: nullable(Type.String()), userId: nullable(IdText) }),
      errors: ['contact.not-found'],
    }),
    statusOf: operation({
      method: 'POST',
      path: '/internal/order/status',
      summary: 'How orders stand, and whether something is still under way for them',
      access: internal,
      body: strict({ orderIds: Type.Array(IdText, { maxItems: 1000 }) }),
      answer: Type.Array(strict({ orderId: IdText, status: oneOf(orderStatuses), live: Type.Boolean() })),
      repeatable: true,
    }),
    listForUser: operation({
      method: 'GET',
      path: '/internal/order/users/:id/orders',
      summary: 'Every order of a user, for the export of personal data',
      access: internal,
      params,
      query: pageQuery,
      answer: page(Order),
    }),
    listCartsForUser: operation({
      method: 'GET',
      path: '/internal/order/users/:id/carts',
      summary: 'Every cart of a user, for the export of personal data',
      access: internal,
      params,
      query: pageQuery,
      answer: page(KeptCart),
    }),
    verificationPage: operation({
      method: 'GET',
      path: '/internal/order/verification',
      summary: 'Orders in order of id with what must agree with the other services',
      access: internal,
      query: pageQuery,
      answer: page(
        strict({
          orderId: IdText,
          status: oneOf(orderStatuses),
          live: Type.Boolean(),
          captured: MoneySchema,
          refunded: MoneySchema,
          units: Type.Integer(),
          skus: Type.Array(strict({ sku: Type.String(), quantity: Type.Integer() })),
        }),
      ),
    }),
  },
  events: orderEvents,
  commands: {},
  errors: {
    ...cartErrors,
    'coupon.unknown': { status: 422, title: 'There is no such coupon' },
    'order.not-found': { status: 404, title: 'There is no such order' },
    'order.empty': { status: 422, title: 'The order has no items' },
    'order.too-many-items': { status: 422, title: 'The order has more than 2,000 items' },
    'order.unknown-sku': { status: 422, title: 'An item is not in the catalogue' },
    'order.too-much': { status: 422, title: 'The order would cost more than can be paid at once' },
    'order.price-changed': { status: 422, title: 'The total is not the one that was expected' },
    'order.currency-mismatch': { status: 422, title: 'An item has no price in the currency of the order' },
    'order.email-needed': { status: 422, title: 'A guest’s order needs an e-mail address' },
    'order.address-needed': { status: 422, title: 'The order needs a shipping address' },
    'order.external-id-taken': { status: 409, title: 'There is an order with this externalId' },
    // The failure of an order that was called off; no request is refused with it.
    'order.cancelled': { status: 409, title: 'The order was cancelled' },
    'order.not-cancellable': { status: 409, title: 'The order can no longer be cancelled' },
    'order.not-shippable': { status: 409, title: 'The order has nothing that can be shipped' },
    'order.unknown-line': { status: 422, title: 'The order has no such line' },
    'order.refund-empty': { status: 422, title: 'The refund is of nothing' },
    'order.out-of-stock': { status: 409, title: 'There is not enough in stock' },
    'payment.refund-exceeds-captured': { status: 409, title: 'The refund is more than what is left of the payment' },
    'user.inactive': { status: 422, title: 'The account is not active' },
    'shipping.unknown-method': { status: 422, title: 'There is no such shipping method' },
    'shipment.not-found': { status: 404, title: 'There is no such shipment' },
    'contact.not-found': { status: 404, title: 'There is no such contact' },
  },
});
