import type { Order } from '@stoa/contracts/order';
import type { OrderLine } from '@stoa/contracts/order-messages';
import type { Address } from '@stoa/platform/schema';
import type { OrderRecord } from './store/orders.ts';

/** An order as the API shows it, its fields in the order of the documentation whatever the database made of them. */
export function orderView({ state, created_at, email, shipping_address }: OrderRecord): Order {
  const { subtotal, discount, shipping, tax, total } = state.totals;
  return {
    id: state.id,
    number: state.number,
    status: state.status,
    userId: state.userId,
    email,
    externalId: state.externalId,
    items: state.items.map(lineView),
    totals: { subtotal, discount, shipping, tax, total },
    payment: state.payment,
    shippingAddress: shipping_address as Address | null,
    shippingMethod: state.shippingMethod,
    shipments: [...state.shipments],
    ...(state.failure && { failure: state.failure }),
    metadata: state.metadata,
    ...(state.taxExempt && { taxExempt: true }),
    placedAt: state.placedAt,
    createdAt: created_at,
    updatedAt: state.updatedAt,
    version: state.version,
  };
}

/** Changes with everything that `orderView` shows: what is personal can be erased without a new version of the order. */
export function tagOf({ email, shippingAddress, version }: Order): string {
  return email === null && shippingAddress === null ? `${version}-nobody` : String(version);
}

function lineView({ lineId, sku, productId, title, quantity, unitPrice, lineTotal }: OrderLine): OrderLine {
  return { lineId, sku, productId, title, quantity, unitPrice, lineTotal };
}
