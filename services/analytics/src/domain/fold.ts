import { orderEvents } from '@stoa/contracts/order-messages';
import { userEvents } from '@stoa/contracts/user-messages';
import type { PayloadOf } from '@stoa/platform/schema';

/** One entry of the log. */
export interface HeardEvent {
  readonly type: string;
  readonly payload: unknown;
}

/** What is known of an order. Flags only ever go up, so facts merge in any order and any number of times. */
export interface OrderFact {
  readonly order_id: string;
  readonly number: string;
  readonly currency: string;
  readonly total: number;
  readonly placed_at: string;
  readonly confirmed: boolean;
  readonly cancelled: boolean;
  readonly rejected: boolean;
}

export interface OrderLineFact {
  readonly order_id: string;
  readonly line_id: string;
  readonly product_id: string | null;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly amount: number;
}

export interface RefundFact {
  readonly refund_id: string;
  readonly order_id: string;
  readonly currency: string;
  readonly amount: number;
  readonly refunded_at: string;
}

export interface CustomerFact {
  readonly user_id: string;
  readonly registered_at: string;
}

/** Rows for the tables of facts, each key once, sorted by key so that transactions lock them in one order. */
export interface Facts {
  readonly orders: readonly OrderFact[];
  readonly lines: readonly OrderLineFact[];
  readonly refunds: readonly RefundFact[];
  readonly customers: readonly CustomerFact[];
}

type Confirmed = PayloadOf<typeof orderEvents.orderConfirmed>;
type Cancelled = PayloadOf<typeof orderEvents.orderCancelled>;
type Rejected = PayloadOf<typeof orderEvents.orderRejected>;
type Refunded = PayloadOf<typeof orderEvents.orderRefunded>;
type Registered = PayloadOf<typeof userEvents.userRegistered>;

/**
 * Folds entries of the log into facts. The fold of a whole is the merge of the folds of its parts, however it is cut, ordered or repeated:
 * that is what lets a rebuild and the live reactions write side by side.
 */
export function fold(events: Iterable<HeardEvent>): Facts {
  const orders = new Map<string, OrderFact>();
  const lines = new Map<string, OrderLineFact>();
  const refunds = new Map<string, RefundFact>();
  const customers = new Map<string, CustomerFact>();
  for (const { type, payload } of events) {
    switch (type) {
      case orderEvents.orderConfirmed.type: {
        const order = payload as Confirmed;
        noteOrder(orders, order, 'confirmed');
        for (const line of order.items) lines.set(`${order.orderId} ${line.lineId}`, lineFact(order.orderId, line));
        break;
      }
      case orderEvents.orderCancelled.type:
        noteOrder(orders, payload as Cancelled, 'cancelled');
        break;
      case orderEvents.orderRejected.type:
        noteOrder(orders, payload as Rejected, 'rejected');
        break;
      case orderEvents.orderRefunded.type: {
        const refund = payload as Refunded;
        refunds.set(refund.refundId, refundFact(refund));
        break;
      }
      case userEvents.userRegistered.type: {
        const { userId, role, registeredAt } = payload as Registered;
        if (role === 'customer') customers.set(userId, { user_id: userId, registered_at: registeredAt });
        break;
      }
    }
  }
  return { orders: sorted(orders), lines: sorted(lines), refunds: sorted(refunds), customers: sorted(customers) };
}

function noteOrder(
  orders: Map<string, OrderFact>,
  order: Confirmed | Cancelled | Rejected,
  flag: 'confirmed' | 'cancelled' | 'rejected',
): void {
  const { amount, currency } = order.totals.total;
  const before = orders.get(order.orderId);
  orders.set(order.orderId, {
    order_id: order.orderId,
    number: order.number,
    currency,
    total: amount,
    placed_at: order.placedAt,
    confirmed: before?.confirmed ?? false,
    cancelled: before?.cancelled ?? false,
    rejected: before?.rejected ?? false,
    [flag]: true,
  });
}

function lineFact(orderId: string, line: Confirmed['items'][number]): OrderLineFact {
  return {
    order_id: orderId,
    line_id: line.lineId,
    product_id: line.productId,
    sku: line.sku,
    title: line.title,
    quantity: line.quantity,
    amount: line.lineTotal.amount,
  };
}

function refundFact(refund: Refunded): RefundFact {
  return {
    refund_id: refund.refundId,
    order_id: refund.orderId,
    currency: refund.amount.currency,
    amount: refund.amount.amount,
    refunded_at: refund.refundedAt,
  };
}

function sorted<F>(facts: Map<string, F>): F[] {
  return [...facts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, fact]) => fact);
}
