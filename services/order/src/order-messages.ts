import type { OrderState } from './domain/order.ts';

/** What every message about an order says of it. */
export function aboutOrder({ id, number, userId, contactId, placedAt, metadata }: OrderState) {
  return { orderId: id, number, userId, contactId, placedAt, metadata };
}
