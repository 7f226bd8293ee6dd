import type { Refund } from '@stoa/contracts/order';
import type { Cause } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { OrderService } from './deps.ts';
import type { OrderState } from './domain/order.ts';

/** The name of the saga that gives money back. */
export const refundName = 'refund';

export interface RefundInput {
  readonly refund: Refund;
  readonly skus: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Starts giving money back; the refund and what it takes from the order are written with it. */
export function startRefund(tx: Tx, refund: Refund, order: OrderState, cause: Cause, service: OrderService): void {
  const skuOf = new Map(order.items.map((line) => [line.lineId, line.sku]));
  const skus = refund.items.map(({ lineId, quantity }) => ({ sku: skuOf.get(lineId) as string, quantity }));
  service.sagas.start<RefundInput>(tx, refundName, { key: refund.id, input: { refund, skus }, cause });
}
