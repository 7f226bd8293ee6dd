import type { SagaView } from '@stoa/platform/saga';
import type { CheckOutInput } from '../../check-out-input.ts';
import type { OpenOrder } from '../../store/orders.ts';

/** A check-out as its steps see it; its state is the order, locked. */
export type CheckOut = SagaView<CheckOutInput, OpenOrder>;

/** Who the steps act as in the audit trail. */
export function origin(saga: { id: string }, at: string): { actor: string; at: string } {
  return { actor: `saga:${saga.id}`, at };
}
