import type { SagaFailure } from '@stoa/platform/saga';
import type { Cause } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { OrderService } from './deps.ts';
import type { OrderState } from './domain/order.ts';

/** The name of the saga that takes a confirmed order back. */
export const cancellationName = 'cancel-order';

export interface CancelInput {
  readonly failure: SagaFailure;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Starts taking a confirmed order back. Once for an order, ever. */
export function startCancellation(
  tx: Tx,
  order: OrderState,
  failure: SagaFailure,
  cause: Cause,
  service: OrderService,
): void {
  service.sagas.start<CancelInput>(tx, cancellationName, {
    key: order.id,
    input: { failure, lines: order.items.map(({ sku, quantity }) => ({ sku, quantity })) },
    cause,
  });
}
