import type { OrderLine, OrderTotals } from '@stoa/contracts/order-messages';
import type { Money } from '@stoa/platform/money';

/** What a mail is about, without anything personal: it waits in the database until the mail is sent. */
export type MailContent =
  | OrderConfirmed
  | { readonly template: 'order-rejected'; readonly number: string; readonly code: string }
  | {
      readonly template: 'order-cancelled';
      readonly number: string;
      readonly total: Money;
      /** Whether the order had been confirmed, and so money may have been taken. */
      readonly wasConfirmed: boolean;
    }
  | {
      readonly template: 'order-shipped';
      readonly number: string;
      readonly carrier: string;
      readonly trackingNumber: string | null;
    }
  | { readonly template: 'order-refunded'; readonly number: string; readonly amount: Money }
  | { readonly template: 'password-reset' };

export interface OrderConfirmed {
  readonly template: 'order-confirmed';
  readonly number: string;
  readonly placedAt: string;
  readonly lines: readonly Pick<OrderLine, 'title' | 'quantity' | 'lineTotal'>[];
  /** Lines that the mail does not list. */
  readonly moreLines: number;
  readonly totals: OrderTotals;
}

// An order may have 2,000 lines; nobody reads them in a mail, and every one would be stored until it is sent.
const linesMax = 100;

export function orderConfirmed(order: {
  readonly number: string;
  readonly placedAt: string;
  readonly items: readonly OrderLine[];
  readonly totals: OrderTotals;
}): OrderConfirmed {
  return {
    template: 'order-confirmed',
    number: order.number,
    placedAt: order.placedAt,
    lines: order.items.slice(0, linesMax).map(({ title, quantity, lineTotal }) => ({ title, quantity, lineTotal })),
    moreLines: Math.max(0, order.items.length - linesMax),
    totals: order.totals,
  };
}
