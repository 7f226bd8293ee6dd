import type { Money } from '@stoa/platform/money';

/** What we ask a provider to set aside. `key` is the idempotency key: the same key is the same charge, for ever. */
export interface ChargeRequest {
  readonly key: string;
  readonly orderId: string;
  readonly amount: Money;
  readonly paymentToken: string;
}

/** What a provider says about a charge it was asked for. */
export type ChargeAnswer =
  | { readonly outcome: 'approved' }
  /** Refused for good; `detail` is for the customer. */
  | { readonly outcome: 'declined'; readonly detail: string }
  /** It will say by webhook. */
  | { readonly outcome: 'pending' };

/** What a provider says about taking or returning money. */
export type MoneyAnswer = { readonly outcome: 'approved' } | { readonly outcome: 'declined'; readonly detail: string };
