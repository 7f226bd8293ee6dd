import type { Order, OrderStatus, Shipment } from '@stoa/contracts/order';
import type { OrderLine, OrderTotals } from '@stoa/contracts/order-messages';
import { assert } from '@stoa/platform/errors';
import { add, type Money, subtract, zero } from '@stoa/platform/money';
import type { RecordedEvent, StreamEvent } from '@stoa/platform/schema';
import { mayBecome } from './transitions.ts';

interface Quantities {
  readonly lineId: string;
  readonly quantity: number;
}

export interface Failure {
  readonly code: string;
  readonly detail: string;
}

/** Money asked back and not yet refused. */
export interface OrderRefund {
  readonly refundId: string;
  readonly amount: Money;
  readonly items: readonly Quantities[];
  /** Whether the items go back into stock. */
  readonly restock?: boolean;
  /** Those of the items that had not been sent, and are not sent any more, because they are back in stock. */
  readonly withdrawn?: readonly Quantities[];
  readonly done: boolean;
}

/** Everything that can happen to an order. */
export type OrderEvent =
  | StreamEvent<
      'order-placed',
      {
        number: string;
        userId: string | null;
        contactId: string;
        externalId: string | null;
        items: OrderLine[];
        totals: OrderTotals;
        shippingMethod: string | null;
        metadata: Record<string, string>;
        /** Only where it is so. */
        taxExempt?: true;
      }
    >
  | StreamEvent<'payment-authorised', { paymentId: string; amount: Money }>
  | StreamEvent<'order-confirmed', Record<never, never>>
  | StreamEvent<'payment-captured', { amount: Money }>
  | StreamEvent<'order-rejected', Failure>
  | StreamEvent<'cancellation-requested', { reason: string }>
  | StreamEvent<'order-cancelled', Failure & { refunded: Money }>
  | StreamEvent<
      'refund-requested',
      // Orders of earlier versions do not tell of `restock`.
      { refundId: string; amount: Money; items: Quantities[]; reason: string; restock?: boolean }
    >
  | StreamEvent<'refund-refused', Failure & { refundId: string }>
  | StreamEvent<'order-refunded', { refundId: string; refundedAt: string }>
  | StreamEvent<
      'shipment-sent',
      { shipmentId: string; carrier: string; trackingNumber: string | null; items: Quantities[] }
    >
  | StreamEvent<'order-shipped', Record<never, never>>
  | StreamEvent<'shipment-delivered', { shipmentId: string }>
  | StreamEvent<'order-delivered', Record<never, never>>;

/** What an order is, folded from its stream. Without personal data. */
export interface OrderState {
  readonly id: string;
  readonly number: string;
  readonly status: OrderStatus;
  readonly userId: string | null;
  readonly contactId: string;
  readonly externalId: string | null;
  readonly items: readonly OrderLine[];
  readonly totals: OrderTotals;
  readonly payment: Order['payment'];
  readonly shippingMethod: string | null;
  readonly shipments: readonly Shipment[];
  readonly refunds: readonly OrderRefund[];
  readonly cancellationRequested: string | null;
  readonly failure: Failure | null;
  readonly metadata: Record<string, string>;
  readonly taxExempt?: true;
  readonly placedAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

type Recorded<T extends OrderEvent['type']> = RecordedEvent<Extract<OrderEvent, { type: T }>>;

/** The state after one more event. Every change of status is a legal transition. */
export function evolve(state: OrderState | undefined, event: RecordedEvent<OrderEvent>): OrderState {
  if (event.type === 'order-placed') {
    assert(state === undefined, 'an order is placed once');
    return placed(event as Recorded<'order-placed'>);
  }
  assert(state !== undefined, 'an order begins with being placed');
  return { ...state, ...changes(state, event), version: event.version, updatedAt: event.at };
}

function placed({ stream, version, data, at }: Recorded<'order-placed'>): OrderState {
  const none = zero(data.totals.total.currency);
  return {
    id: stream,
    ...data,
    status: 'pending',
    payment: { status: 'pending', authorised: none, captured: none, refunded: none },
    shipments: [],
    refunds: [],
    cancellationRequested: null,
    failure: null,
    placedAt: at,
    updatedAt: at,
    version,
  };
}

function changes(state: OrderState, recorded: RecordedEvent<OrderEvent>): Partial<OrderState> {
  const event = recorded as RecordedEvent<OrderEvent> & OrderEvent;
  const { payment } = state;
  switch (event.type) {
    case 'order-placed':
      return {};
    case 'payment-authorised':
      return { payment: { ...payment, status: 'authorised', authorised: event.data.amount } };
    case 'order-confirmed':
      return { status: become(state, 'confirmed') };
    case 'payment-captured':
      return { payment: { ...payment, status: 'captured', captured: event.data.amount } };
    case 'order-rejected':
      return {
        status: become(state, 'rejected'),
        failure: { ...event.data },
        payment: { ...payment, status: 'failed' },
      };
    case 'cancellation-requested':
      return { cancellationRequested: event.data.reason };
    case 'order-cancelled':
      return {
        status: become(state, 'cancelled'),
        failure: failureOf(event.data),
        payment: givenBack(payment, event.data.refunded),
      };
    case 'refund-requested':
      return { refunds: [...state.refunds, asked(state, event.data)] };
    case 'refund-refused':
      return { refunds: state.refunds.filter((refund) => refund.refundId !== event.data.refundId) };
    case 'order-refunded':
      return refunded(state, event.data.refundId);
    case 'shipment-sent': {
      const { shipmentId, ...shipment } = event.data;
      return {
        shipments: [...state.shipments, { id: shipmentId, ...shipment, shippedAt: recorded.at, deliveredAt: null }],
      };
    }
    case 'order-shipped':
      return { status: become(state, 'shipped') };
    case 'shipment-delivered':
      return {
        shipments: state.shipments.map((shipment) =>
          shipment.id === event.data.shipmentId ? { ...shipment, deliveredAt: recorded.at } : shipment,
        ),
      };
    case 'order-delivered':
      return { status: become(state, 'delivered') };
  }
}

function become(state: OrderState, next: OrderStatus): OrderStatus {
  assert(mayBecome(state.status, next), `order ${state.id} cannot go from ${state.status} to ${next}`);
  return next;
}

function failureOf({ code, detail }: Failure): Failure {
  return { code, detail };
}

function givenBack(payment: Order['payment'], back: Money): Order['payment'] {
  const sum = add(payment.refunded, back);
  return { ...payment, refunded: sum, status: payment.captured.amount > 0 ? 'refunded' : 'voided' };
}

/** What comes back into stock had been sent, as far as that goes; the rest never left, and does not leave any more. */
function asked(state: OrderState, refund: Omit<OrderRefund, 'withdrawn' | 'done'>): OrderRefund {
  if (!refund.restock) return { ...refund, done: false };
  const away = awayNow(state);
  const withdrawn = refund.items.flatMap(({ lineId, quantity }) => {
    const isAway = away.get(lineId) ?? 0;
    const comesBack = Math.min(quantity, isAway);
    away.set(lineId, isAway - comesBack);
    return quantity > comesBack ? [{ lineId, quantity: quantity - comesBack }] : [];
  });
  return { ...refund, withdrawn, done: false };
}

/** How many of each line have been sent and have not come back. */
function awayNow({ shipments, refunds }: OrderState): Map<string, number> {
  const away = new Map<string, number>();
  const tally = (items: readonly Quantities[], sign: 1 | -1) => {
    for (const { lineId, quantity } of items) away.set(lineId, (away.get(lineId) ?? 0) + sign * quantity);
  };
  for (const { items } of shipments) tally(items, 1);
  for (const { items, withdrawn = [] } of refunds.filter(({ restock }) => restock)) {
    tally(items, -1);
    tally(withdrawn, 1);
  }
  return away;
}

function refunded(state: OrderState, refundId: string): Partial<OrderState> {
  const refund = state.refunds.find((one) => one.refundId === refundId);
  assert(refund, `order ${state.id} has no refund ${refundId}`);
  const sum = add(state.payment.refunded, refund.amount);
  const whole = sum.amount >= state.payment.captured.amount;
  return {
    refunds: state.refunds.map((one) => (one === refund ? { ...one, done: true } : one)),
    payment: { ...state.payment, refunded: sum, status: whole ? 'refunded' : 'partially-refunded' },
  };
}

/** What can still be refunded: captured, less what has been given back or asked for. */
export function refundable(state: OrderState): Money {
  const asked = state.refunds
    .filter((refund) => !refund.done)
    .reduce((sum, refund) => add(sum, refund.amount), state.payment.refunded);
  return subtract(state.payment.captured, asked);
}

/** How many of each line are still to be sent. */
export function unsent(state: OrderState): Map<string, number> {
  const sent = state.shipments.flatMap((shipment) => shipment.items);
  const withdrawn = state.refunds.flatMap((refund) => refund.withdrawn ?? []);
  return remaining(state.items, [...sent, ...withdrawn]);
}

/** How many of each line have not been refunded. */
export function unrefunded(state: OrderState): Map<string, number> {
  return remaining(
    state.items,
    state.refunds.flatMap((refund) => refund.items),
  );
}

function remaining(lines: readonly OrderLine[], gone: readonly Quantities[]): Map<string, number> {
  const left = new Map(lines.map((line) => [line.lineId, line.quantity]));
  for (const { lineId, quantity } of gone) left.set(lineId, (left.get(lineId) ?? 0) - quantity);
  return left;
}
