import type { RequestRefund } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import { format, type Money, sum, times } from '@stoa/platform/money';
import { type OrderState, refundable, unrefunded } from './order.ts';

/** What a refund gives back. */
export interface RefundTerms {
  readonly amount: Money;
  readonly items: { lineId: string; quantity: number }[];
}

/**
 * Works out what is given back: the named quantities at their lines' own prices, or a sum. Never more of a line than was sold and never more money than is
 * left of what was captured.
 */
export function refundTerms(order: OrderState, request: RequestRefund): RefundTerms {
  if ((request.items === undefined) === (request.amount === undefined)) {
    throw refusal('order.refund-empty', 'Name either `items` or an `amount`.');
  }
  if (request.restock && request.items === undefined) {
    throw refusal('request.invalid', 'An amount names no goods that could go back into stock.', {
      errors: [{ path: '/restock', message: 'needs items' }],
    });
  }
  const items = request.items ?? [];
  const amount = request.amount ?? sum(linePrices(order, items), order.totals.total.currency);
  const left = refundable(order);
  if (amount.amount === 0) throw refusal('order.refund-empty', 'The refund is of nothing.');
  if (amount.currency !== left.currency || amount.amount > left.amount) {
    throw refusal(
      'payment.refund-exceeds-captured',
      `${format(amount)} is more than the ${format(left)} that can still be refunded.`,
    );
  }
  return { amount, items };
}

function linePrices(order: OrderState, items: RefundTerms['items']): Money[] {
  const left = unrefunded(order);
  return items.map(({ lineId, quantity }, index) => {
    const line = order.items.find((one) => one.lineId === lineId);
    if (!line) {
      throw refusal('order.unknown-line', `The order has no line ${lineId}.`, {
        errors: [{ path: `/items/${index}/lineId`, message: 'is not a line of this order' }],
      });
    }
    const available = left.get(lineId) ?? 0;
    if (quantity > available) {
      throw refusal(
        'payment.refund-exceeds-captured',
        `Only ${available} of ${line.sku} can still be refunded, not ${quantity}.`,
        {
          errors: [{ path: `/items/${index}/quantity`, message: `is more than the ${available} left` }],
        },
      );
    }
    left.set(lineId, available - quantity);
    return times(line.unitPrice, quantity);
  });
}
