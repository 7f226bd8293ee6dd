import type { analyticsContract } from '@stoa/contracts/analytics';
import { refusal } from '@stoa/platform/errors';
import { money } from '@stoa/platform/money';
import type { Handler } from '@stoa/platform/service';
import { currencyOf } from '../domain/currency.ts';
import { intervalStarts } from '../domain/intervals.ts';
import { closedPeriod } from '../domain/period.ts';
import { readAsOf } from '../store/log.ts';
import { readCurrencies, readSeries } from '../store/sales.ts';

const pointsMax = 5_000;

export const getSeries: Handler<typeof analyticsContract.operations.getSeries> = async (call, service) => {
  const { metric, interval } = call.query;
  const period = closedPeriod(call.query, service.clock.nowMs());
  const starts = intervalStarts(period, interval, pointsMax);
  if (starts === undefined) {
    throw refusal('request.invalid', `The period has more than ${pointsMax} intervals.`, {
      errors: [{ path: '/query/interval', message: `gives more than ${pointsMax} points for this period` }],
    });
  }
  const { currency, values, asOf } = await service.db.transaction(
    async (tx) => {
      const currency = currencyOf(call.query.currency, await readCurrencies(tx, period));
      const [values, asOf] = await Promise.all([readSeries(tx, period, { metric, interval, currency }), readAsOf(tx)]);
      return { currency, values, asOf };
    },
    { isolation: 'repeatable read' },
  );
  const points = starts.map((start) => {
    const value = values.get(start) ?? 0;
    return { start, value: metric === 'orders' ? value : money(value, currency) };
  });
  return { body: { metric, interval, currency, points, asOf } };
};
