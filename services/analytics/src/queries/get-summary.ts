import type { analyticsContract } from '@stoa/contracts/analytics';
import { money } from '@stoa/platform/money';
import type { Handler } from '@stoa/platform/service';
import { averageOf } from '../domain/average.ts';
import { currencyOf } from '../domain/currency.ts';
import { readPeriod } from '../domain/period.ts';
import { readAsOf } from '../store/log.ts';
import { countNewCustomers, readCurrencies, readOrderTotals, readRefundTotal } from '../store/sales.ts';

export const getSummary: Handler<typeof analyticsContract.operations.getSummary> = async (call, service) => {
  const period = readPeriod(call.query);
  const summary = await service.db.transaction(
    async (tx) => {
      const currencies = await readCurrencies(tx, period);
      const currency = currencyOf(call.query.currency, currencies);
      const [orders, refunds, newCustomers, asOf] = await Promise.all([
        readOrderTotals(tx, period, currency),
        readRefundTotal(tx, period, currency),
        countNewCustomers(tx, period),
        readAsOf(tx),
      ]);
      return {
        currency,
        currencies,
        orders: orders.orders,
        revenue: money(orders.revenue, currency),
        averageOrderValue: money(averageOf(orders.revenue, orders.orders), currency),
        refunds: money(refunds, currency),
        cancelled: orders.cancelled,
        rejected: orders.rejected,
        newCustomers,
        asOf,
      };
    },
    // One snapshot, so that the numbers and `asOf` belong together.
    { isolation: 'repeatable read' },
  );
  return { body: summary };
};
