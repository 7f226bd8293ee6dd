import { orderEvents } from '@stoa/contracts/order-messages';
import { userEvents } from '@stoa/contracts/user-messages';
import { newId } from '@stoa/platform/ids';
import { money } from '@stoa/platform/money';
import type { EventType, Message, PayloadOf } from '@stoa/platform/schema';

/** An order as tests speak of it. */
export interface TestOrder {
  readonly orderId: string;
  readonly placedAt: string;
  readonly currency: string;
  readonly lines: readonly {
    readonly sku: string;
    readonly productId: string | null;
    readonly title?: string;
    readonly quantity: number;
    readonly price: number;
  }[];
}

export function testOrder(part: Partial<TestOrder> = {}): TestOrder {
  return {
    orderId: newId(),
    placedAt: '2010-12-01T08:26:00.000Z',
    currency: 'GBP',
    lines: [{ sku: '85123A', productId: null, quantity: 6, price: 255 }],
    ...part,
  };
}

export function confirmed(order: TestOrder): Message {
  return message(orderEvents.orderConfirmed, order.orderId, {
    ...about(order),
    items: items(order),
    totals: totals(order),
    confirmedAt: order.placedAt,
    metadata: {},
  });
}

export function cancelled(order: TestOrder, from: 'pending' | 'confirmed' = 'confirmed'): Message {
  return message(orderEvents.orderCancelled, order.orderId, {
    ...about(order),
    items: items(order),
    totals: totals(order),
    from,
    code: 'order.cancelled-by-customer',
    detail: 'changed their mind',
    cancelledAt: order.placedAt,
    metadata: {},
  });
}

export function rejected(order: TestOrder): Message {
  return message(orderEvents.orderRejected, order.orderId, {
    ...about(order),
    totals: totals(order),
    code: 'payment.declined',
    detail: 'declined',
    rejectedAt: order.placedAt,
    metadata: {},
  });
}

export function refunded(order: TestOrder, amount: number, refundedAt: string): Message {
  return message(orderEvents.orderRefunded, order.orderId, {
    ...about(order),
    refundId: newId(),
    amount: money(amount, order.currency),
    items: [],
    reason: 'returned',
    refundedAt,
    metadata: {},
  });
}

export function registered(registeredAt: string, role: 'customer' | 'support' = 'customer'): Message {
  const userId = newId();
  return message(userEvents.userRegistered, userId, { userId, role, registeredAt });
}

function message<E extends EventType>(event: E, key: string, payload: PayloadOf<E>): Message {
  return {
    id: newId(),
    type: event.type,
    key,
    payload,
    occurredAt: '2026-01-01T00:00:00.000Z',
    cause: { correlationId: 'test' },
  };
}

function about(order: TestOrder) {
  return {
    orderId: order.orderId,
    number: `S-${order.orderId.slice(-6)}`,
    userId: null,
    contactId: order.orderId,
    placedAt: order.placedAt,
  };
}

function items(order: TestOrder) {
  return order.lines.map((line, at) => ({
    // Made of the order's id, so that the events of one order name the same lines.
    lineId: `${order.orderId.slice(0, -4)}${at.toString(16).padStart(4, '0')}`,
    sku: line.sku,
    productId: line.productId,
    title: line.title ?? line.sku,
    quantity: line.quantity,
    unitPrice: money(line.price, order.currency),
    lineTotal: money(line.price * line.quantity, order.currency),
  }));
}

function totals(order: TestOrder) {
  const total = order.lines.reduce((sum, line) => sum + line.price * line.quantity, 0);
  const none = money(0, order.currency);
  return {
    subtotal: money(total, order.currency),
    discount: none,
    shipping: none,
    tax: none,
    total: money(total, order.currency),
  };
}
