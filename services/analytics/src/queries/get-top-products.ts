import type { analyticsContract } from '@stoa/contracts/analytics';
import { money } from '@stoa/platform/money';
import type { Handler } from '@stoa/platform/service';
import { currencyOf } from '../domain/currency.ts';
import { readPeriod } from '../domain/period.ts';
import { readAsOf } from '../store/log.ts';
import { readCurrencies, readTopProducts } from '../store/sales.ts';

const limitUnlessGiven = 10;

export const getTopProducts: Handler<typeof analyticsContract.operations.getTopProducts> = async (call, service) => {
  const { by = 'revenue', limit = limitUnlessGiven } = call.query;
  const period = readPeriod(call.query);
  const top = await service.db.transaction(
    async (tx) => {
      const currency = currencyOf(call.query.currency, await readCurrencies(tx, period));
      const [products, asOf] = await Promise.all([readTopProducts(tx, period, { by, currency, limit }), readAsOf(tx)]);
      return { currency, products, asOf };
    },
    { isolation: 'repeatable read' },
  );
  const items = top.products.map((product) => ({
    productId: product.product_id,
    skus: product.skus,
    title: product.title,
    quantity: product.quantity,
    revenue: money(product.revenue, top.currency),
  }));
  return { body: { currency: top.currency, items, asOf: top.asOf } };
};
