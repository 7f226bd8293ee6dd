import type { Order } from '@stoa/contracts/order';
import type { Address } from '@stoa/platform/schema';
import type { OrderRecord } from './store/orders.ts';

/** An order as the API shows it. */
export function orderView({ state, created_at, email, shipping_address }: OrderRecord): Order {
  const { contactId: _contactId, refunds: _refunds, cancellationRequested: _requested, failure, ...order } = state;
  return {
    ...order,
    items: [...order.items],
    shipments: [...order.shipments],
    email,
    shippingAddress: shipping_address as Address | null,
    ...(failure && { failure }),
    createdAt: created_at,
  };
}
