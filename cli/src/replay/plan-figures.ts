import type { ReplayPlan } from './plan.ts';
import type { ReplayFigures } from './run-replay.ts';

export type PlanFigures = Omit<ReplayFigures, 'orders' | 'invariants' | 'seconds'> & {
  readonly orders: { readonly planned: number };
  readonly refunds: { readonly planned: number };
};

const currency = 'GBP';

/** What is known of a file without a shop. */
export function lineFigures(
  plan: ReplayPlan,
): Pick<ReplayFigures, 'linesRead' | 'linesSold' | 'linesReturned' | 'linesRejected'> {
  const { linesRead, linesSold, linesReturned, rejected } = plan;
  return { linesRead, linesSold, linesReturned, linesRejected: Object.fromEntries(rejected) };
}

/** What a file comes to when the shop takes all of it. */
export function planFigures(plan: ReplayPlan): PlanFigures {
  let revenue = 0;
  let sold = 0;
  for (let number = 0; number < plan.orderCount; number++) {
    const { total, items } = plan.order(number);
    revenue += total;
    for (const { quantity } of items) sold += quantity;
  }
  const refunds = plan.refunds();
  return {
    ...lineFigures(plan),
    orders: { planned: plan.orderCount },
    refunds: { planned: refunds.length },
    units: { sold, returned: refunds.reduce((all, { units }) => all + units, 0) },
    revenue: { amount: revenue, currency },
    refunded: { amount: refunds.reduce((all, { amount }) => all + amount, 0), currency },
  };
}
