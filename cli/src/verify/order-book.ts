import { gatewayContract } from '@stoa/contracts/gateway';
import { type Order, type OrderStatus, orderContract } from '@stoa/contracts/order';
import type { Payment } from '@stoa/contracts/payment';
import type { Shop } from '../shop/shop.ts';

/** What verifying needs of an order. Amounts in minor units. */
export interface BookedOrder {
  readonly number: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly total: number;
  readonly captured: number;
  readonly refunded: number;
  readonly shipments: number;
  /** Whether something is still under way for it. */
  readonly live: boolean;
}

export interface OrderBook {
  readonly orders: ReadonlyMap<string, BookedOrder>;
  /** Units by SKU of orders that were sold, and of those that are under way. */
  readonly sold: ReadonlyMap<string, number>;
  readonly live: ReadonlyMap<string, number>;
  /** Ids of orders and refunds that a saga is under way for. */
  readonly underWay: ReadonlySet<string>;
}

const { listSagas } = gatewayContract.operations;

/** Reads every order of the shop. */
export async function readOrderBook(shop: Shop): Promise<OrderBook> {
  const liveKeys = await liveSagaKeys(shop);
  const orders = new Map<string, BookedOrder>();
  const units = { sold: new Map<string, number>(), live: new Map<string, number>() };
  const later: Order[] = [];
  for await (const order of shop.list(orderContract.operations.listOrders, {})) {
    if (liveKeys.has(order.id) || order.status === 'pending') later.push(order);
    else take(order, false);
  }
  // What began or ended while the orders were read is under way too.
  const liveNow = await liveSagaKeys(shop);
  for (const order of later) take(order, liveKeys.has(order.id) || liveNow.has(order.id));
  return { orders, ...units, underWay: new Set([...liveKeys, ...liveNow]) };

  function take(order: Order, live: boolean): void {
    orders.set(order.id, bookedOf(order, live));
    const kind = live ? units.live : isSold(order.status) ? units.sold : undefined;
    for (const { sku, quantity } of kind ? order.items : []) kind?.set(sku, (kind.get(sku) ?? 0) + quantity);
  }
}

function bookedOf(order: Order, live: boolean): BookedOrder {
  const { number, status, totals, payment, shipments } = order;
  const { amount: total, currency } = totals.total;
  const [captured, refunded] = [payment.captured.amount, payment.refunded.amount];
  return { number, status, currency, total, captured, refunded, shipments: shipments.length, live };
}

async function liveSagaKeys(shop: Shop): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const status of ['running', 'compensating', 'stuck'] as const) {
    for await (const { key } of shop.list(listSagas, { query: { status } })) keys.add(key);
  }
  return keys;
}

export function isSold(status: OrderStatus): boolean {
  return status === 'confirmed' || status === 'shipped' || status === 'delivered';
}

/** Rejected or cancelled: nothing may be left of it. */
export function isOver(status: OrderStatus): boolean {
  return status === 'rejected' || status === 'cancelled';
}

/** What has to have been captured for an order that was sold: all of it, or nothing where its goods left before the bank refused for good and a person let it be. */
export function dueFor(
  order: Pick<BookedOrder, 'total' | 'captured' | 'shipments'>,
  status: Payment['status'],
): number {
  return status === 'capture-failed' && order.shipments > 0 && order.captured === 0 ? 0 : order.total;
}

/** Whether a payment in this state may come to have money that it has not taken yet, or has it set aside. */
export function mayStillTake(status: Payment['status']): boolean {
  return ['authorising', 'waiting', 'authorised', 'voiding', 'capturing'].includes(status);
}
