import type { OrderStatus } from '@stoa/contracts/order';
import type { Progress } from '../progress.ts';
import type { Shop } from '../shop/shop.ts';
import type { ReplayPlan } from './plan.ts';

export const currency = 'GBP';

/** What the shop says of an order of the file. Amounts in pence. */
export interface ReplayedOrder {
  readonly id: string;
  readonly status: OrderStatus;
  readonly refunded: number;
  /** Whether it was not there when this run began, so that nothing of it can have been refunded. */
  readonly isNew: boolean;
}

/** One run of a replay: the plan, and how far the shop has come with it. */
export interface ReplayRun {
  readonly shop: Shop;
  readonly plan: ReplayPlan;
  /** Names the file by its content. */
  readonly fileId: string;
  /** Names this run. */
  readonly runId: string;
  /** Calls under way at once. */
  readonly atOnce: number;
  readonly progress: Progress;
  /** By the order's number in the plan; undefined while the shop has no such order. */
  readonly orders: (ReplayedOrder | undefined)[];
}

export function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** Numbers of the orders that the shop does not have yet. */
export function* missingOrders({ plan, orders }: ReplayRun): Generator<number> {
  for (let order = 0; order < plan.orderCount; order++) if (orders[order] === undefined) yield order;
}

/** Whether an order counts as sold. */
export function isSold(order: Pick<ReplayedOrder, 'status'> | undefined): boolean {
  return order !== undefined && ['confirmed', 'shipped', 'delivered'].includes(order.status);
}
