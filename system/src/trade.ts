import { orderContract } from '@stoa/contracts/order';
import { orderEvents } from '@stoa/contracts/order-messages';
import { paymentContract } from '@stoa/contracts/payment';
import type { Message, PayloadOf } from '@stoa/platform/schema';
import type { Metrics } from '@stoa/platform/telemetry';

/**
 * Counts trade as its events pass by: orders, revenue, refunds, stock-outs. Labels are declared codes and the shop's currencies. The counts begin
 * at nothing with each process and are for watching; the figures that books are held against are those of the analytics service.
 */
export function countTrade(metrics: Metrics): (message: Message) => void {
  const orders = metrics.counter('stoa_orders_total', 'Orders by what became of them', ['became']);
  const rejected = metrics.counter('stoa_orders_rejected_total', 'Orders rejected, by the reason why', ['code']);
  const stockOuts = metrics.counter('stoa_stock_outs_total', 'Orders rejected because there was not enough stock', []);
  const revenue = metrics.counter('stoa_revenue_minor_units_total', 'Totals of confirmed orders', ['currency']);
  const refunds = metrics.counter('stoa_refunds_minor_units_total', 'Money given back', ['currency']);
  // Shown from the start, so that the first one of each is an increase.
  for (const { word } of Object.values(ways)) orders({ became: word }, 0);
  stockOuts({}, 0);

  return ({ type, payload }) => {
    const way = ways[type];
    if (way === undefined) return;
    orders({ became: way.word });
    if (type === orderEvents.orderConfirmed.type) {
      const { total } = (payload as PayloadOf<typeof orderEvents.orderConfirmed>).totals;
      revenue({ currency: total.currency }, total.amount);
    } else if (type === orderEvents.orderRefunded.type) {
      const { amount } = payload as PayloadOf<typeof orderEvents.orderRefunded>;
      refunds({ currency: amount.currency }, amount.amount);
    } else if (type === orderEvents.orderRejected.type) {
      const { code } = payload as PayloadOf<typeof orderEvents.orderRejected>;
      rejected({ code: reasons.has(code) ? code : 'other' });
      if (code === 'order.out-of-stock') stockOuts({});
    }
  };
}

const reasons = new Set([...Object.keys(orderContract.errors), ...Object.keys(paymentContract.errors)]);

const ways: Readonly<Record<string, { word: string }>> = {
  [orderEvents.orderPlaced.type]: { word: 'placed' },
  [orderEvents.orderConfirmed.type]: { word: 'confirmed' },
  [orderEvents.orderRejected.type]: { word: 'rejected' },
  [orderEvents.orderCancelled.type]: { word: 'cancelled' },
  [orderEvents.orderShipped.type]: { word: 'shipped' },
  [orderEvents.orderRefunded.type]: { word: 'refunded' },
};
