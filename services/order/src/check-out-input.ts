import type { Money } from '@stoa/platform/money';

/** The name of the saga that takes an order from placed to confirmed, paid and on its way. */
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
