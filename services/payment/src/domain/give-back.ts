import type { PaymentStatus } from '@stoa/contracts/payment';

/** What it takes to give everything of a payment back. */
export type GiveBack =
  /** Void what the provider holds. */
  | 'void'
  /** Refund what is left of what was captured. */
  | 'refund'
  /** Something is under way at the provider; decide when it has answered. */
  | 'wait'
  /** There is nothing to give back. */
  | 'nothing';

const byStatus: Readonly<Record<PaymentStatus, GiveBack>> = {
  authorising: 'wait',
  waiting: 'void',
  authorised: 'void',
  declined: 'nothing',
  // Whatever the provider took is being voided already.
  unavailable: 'nothing',
  voiding: 'wait',
  voided: 'nothing',
  capturing: 'wait',
  captured: 'refund',
  'capture-failed': 'void',
};

export function giveBackOf(status: PaymentStatus): GiveBack {
  return byStatus[status];
}
