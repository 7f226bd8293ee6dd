import {
  anyone,
  Currency,
  IdText,
  Instant,
  Metadata,
  MoneySchema,
  NewMetadata,
  nullable,
  oneOf,
  operation,
  type Static,
  strict,
  Type,
} from '@stoa/platform/schema';
import { OrderTotals } from './order-messages.ts';
import { Sku } from './product.ts';

/** How many units of one SKU a cart holds at most. */
export const cartQuantityMax = 10_000;
/** How many different SKUs a cart holds at most. */
export const cartSkusMax = 200;

const quantity = Type.Integer({ minimum: 1, maximum: cartQuantityMax });
const about = { sku: Type.String(), title: Type.String() };

/** One SKU in a cart, at today's price. `available` is left out when the stock cannot be asked for; the cart's `partial` says so. */
export const CartItem = strict({
  ...about,
  productId: IdText,
  quantity,
  unitPrice: MoneySchema,
  lineTotal: MoneySchema,
  available: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type CartItem = Static<typeof CartItem>;

/**
 * What is no longer as it was when the item was put in. `gone`: it is no longer sold in the cart's currency, or has become so dear that the cart could not
 * be paid at once; it is not among the items and must be taken out before the cart can be ordered. Setting an item again accepts its new price.
 */
export const CartChange = Type.Union([
  strict({ ...about, kind: oneOf(['price-changed']), from: MoneySchema, to: MoneySchema }),
  strict({ ...about, kind: oneOf(['ran-short']), quantity, available: Type.Integer({ minimum: 0 }) }),
  strict({ ...about, kind: oneOf(['gone']), quantity }),
]);
export type CartChange = Static<typeof CartChange>;

/** A cart as its owner sees it. Its totals are of the items; sending them is priced when they are ordered. */
export const Cart = strict({
  id: IdText,
  orderId: nullable(IdText),
  currency: Currency,
  items: Type.Array(CartItem),
  totals: OrderTotals,
  changes: Type.Array(CartChange),
  partial: Type.Array(oneOf(['inventory']), {
    description:
      'Services that could not be asked, so that something is missing: without inventory nobody knows what is available, nor what ran short',
  }),
  metadata: Metadata,
  createdAt: Instant,
  updatedAt: Instant,
  version: Type.Integer({ minimum: 1 }),
  token: Type.Optional(
    Type.String({ description: "A guest's proof for X-Cart-Token; only in the answer to making the cart" }),
  ),
});
export type Cart = Static<typeof Cart>;

/** A cart as it is kept, for the export of personal data: each item as it was when it was put in. */
export const KeptCart = strict({
  id: IdText,
  orderId: nullable(IdText),
  currency: nullable(Currency),
  items: Type.Array(strict({ ...about, quantity, unitPrice: MoneySchema })),
  metadata: Metadata,
  createdAt: Instant,
  updatedAt: Instant,
});
export type KeptCart = Static<typeof KeptCart>;

/** What somebody thinks of buying is theirs alone: no role looks into it, an admin's neither. */
const owned = { who: 'owner', orRoles: [], guest: 'cart-token' } as const;

/** The operations on carts, as part of the order service's contract. */
export const cartOperations = {
  createCart: operation({
    method: 'POST',
    path: '/api/v1/carts',
    summary: 'Makes an empty cart',
    access: anyone,
    body: strict({ currency: Type.Optional(Currency), metadata: Type.Optional(NewMetadata) }),
    answer: Cart,
    statuses: [201],
    idempotency: 'accepted',
  }),
  getCart: operation({
    method: 'GET',
    path: '/api/v1/carts/:id',
    summary: 'A cart at today’s prices, with what has changed since its items were put in',
    access: owned,
    params: { id: IdText },
    answer: Cart,
    errors: ['cart.not-found'],
  }),
  setCartItem: operation({
    method: 'PUT',
    path: '/api/v1/carts/:id/items/:sku',
    summary: 'Sets how many of a SKU are in a cart',
    access: owned,
    params: { id: IdText, sku: Sku },
    body: strict({ quantity }),
    answer: Cart,
    errors: [
      'cart.not-found',
      'cart.ordered',
      'cart.too-many-items',
      'cart.too-much',
      'order.unknown-sku',
      'order.currency-mismatch',
    ],
  }),
  removeCartItem: operation({
    method: 'DELETE',
    path: '/api/v1/carts/:id/items/:sku',
    summary: 'Takes a SKU out of a cart, if it is in it',
    access: owned,
    params: { id: IdText, sku: Sku },
    answer: Cart,
    errors: ['cart.not-found', 'cart.ordered'],
  }),
};

/** What requests about carts are refused with. */
export const cartErrors = {
  'cart.not-found': { status: 404, title: 'There is no such cart' },
  'cart.ordered': { status: 409, title: 'The cart has been ordered' },
  'cart.changed': { status: 409, title: 'The cart changed while it was being ordered' },
  'cart.too-many-items': { status: 422, title: `A cart holds at most ${cartSkusMax} different SKUs` },
  'cart.too-much': { status: 422, title: 'The cart would cost more than can be paid at once' },
};
