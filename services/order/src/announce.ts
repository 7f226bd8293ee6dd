import type { Tx } from '@stoa/platform/sql';
import type { OrderService } from './deps.ts';
import type { OrderState } from './domain/order.ts';

/** Tells waiting requests, once the transaction has committed, how an order stands. */
export function announce(tx: Tx, state: OrderState, service: OrderService): void {
  tx.afterCommit(() => service.deps.changes.announce(state));
}
