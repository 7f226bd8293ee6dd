import type { Money } from '@stoa/platform/money';
import type { SagaView } from '@stoa/platform/saga';
import type { OpenOrder } from '../../store/orders.ts';

export const checkOutName = 'check-out';

/** What a check-out needs besides the order itself. */
export interface CheckOutInput {
  readonly contactId: string;
  readonly lines: readonly { readonly lineId: string; readonly sku: string; readonly quantity: number }[];
  readonly total: Money;
  readonly paymentToken: string;
  /** Null where nothing is sent. */
  readonly shippingMethod: string | null;
}

/** A check-out as its steps see it; its state is the order, locked. */
export type CheckOut = SagaView<CheckOutInput, OpenOrder>;

/** Who the steps act as in the audit trail. */
export function origin(saga: { id: string }, at: string): { actor: string; at: string } {
  return { actor: `saga:${saga.id}`, at };
}
