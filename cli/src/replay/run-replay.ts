import { randomUUID } from 'node:crypto';
import { gatewayContract } from '@stoa/contracts/gateway';
import type { Money } from '@stoa/platform/money';
import type { Progress } from '../progress.ts';
import type { Shop } from '../shop/shop.ts';
import { addCustomers } from './add-customers.ts';
import { addProducts } from './add-products.ts';
import { findOrders } from './find-orders.ts';
import { awaitRest, findMismatches } from './hold-against-the-shop.ts';
import { placeOrders } from './place-orders.ts';
import { lineFigures } from './plan-figures.ts';
import type { PlannedFile } from './read-plan.ts';
import { receiveStock } from './receive-stock.ts';
import { type RefundTotals, refundReturns } from './refund-returns.ts';
import { currency, isSold, missingOrders, type ReplayRun } from './replay-run.ts';

/** What a replay came to, as `--json` prints it. The same file gives the same figures however often it is run and wherever it was interrupted. */
export interface ReplayFigures {
  readonly linesRead: number;
  readonly linesSold: number;
  readonly linesReturned: number;
  readonly linesRejected: Readonly<Record<string, number>>;
  readonly orders: { readonly placed: number; readonly confirmed: number; readonly rejected: number };
  readonly units: { readonly sold: number; readonly returned: number };
  readonly revenue: Money;
  readonly refunded: Money;
  readonly seconds: number;
  readonly invariants: { readonly held: number; readonly violated: number };
}

export interface ReplayOutcome {
  readonly figures: ReplayFigures;
  /** What went otherwise than planned, for people. */
  readonly complaints: readonly string[];
}

export interface ReplayOptions {
  readonly shop: Shop;
  readonly atOnce: number;
  readonly progress: Progress;
  readonly startedAtMs: number;
}

/** Carries a plan out in a running shop: stock before orders, orders before refunds, and at the end every figure is looked up in the shop's own books. */
export async function runReplay({ plan, hash }: PlannedFile, options: ReplayOptions): Promise<ReplayOutcome> {
  const { shop, atOnce, progress } = options;
  const orders = Array.from({ length: plan.orderCount }, () => undefined);
  const run: ReplayRun = { shop, plan, fileId: hash.slice(0, 32), runId: randomUUID(), atOnce, progress, orders };
  const { stockReceived } = await findOrders(run);
  let customers: ReadonlyMap<string, string> = new Map();
  if (!missingOrders(run).next().done) {
    progress.begin('preparing', 0);
    [customers] = await Promise.all([
      addCustomers(run),
      addProducts(run),
      stockReceived ? undefined : receiveStock(run),
    ]);
  }
  await placeOrders(run, customers);
  const refunds = await refundReturns(run);
  progress.end();
  await awaitRest(run);
  const mismatches = await findMismatches(run);
  const { checks, partial } = await shop.call(gatewayContract.operations.checkInvariants, {});
  const violated = checks.filter((check) => !check.held);
  const figures = figuresOf(run, refunds, {
    seconds: Math.round(performance.now() - options.startedAtMs) / 1000,
    invariants: { held: checks.length - violated.length, violated: violated.length + mismatches.length },
  });
  return {
    figures,
    complaints: [
      ...mismatches.map((mismatch) => `The books do not agree: ${mismatch}.`),
      ...violated.map(
        ({ service, name, violations }) =>
          `${name} is violated in ${service}: ${violations[0]?.witness ?? 'no witness'}`,
      ),
      ...partial.map((service) => `${service} could not be asked for its invariants.`),
      ...unfinished(run, refunds),
    ],
  };
}

function figuresOf(
  run: ReplayRun,
  refunds: RefundTotals,
  rest: Pick<ReplayFigures, 'seconds' | 'invariants'>,
): ReplayFigures {
  const { plan, orders } = run;
  let revenue = 0;
  let sold = 0;
  for (const [number, order] of orders.entries()) {
    if (!isSold(order)) continue;
    const { total, items } = plan.order(number);
    revenue += total;
    for (const { quantity } of items) sold += quantity;
  }
  return {
    ...lineFigures(plan),
    orders: {
      placed: orders.length,
      confirmed: orders.filter((order) => isSold(order)).length,
      rejected: orders.filter((order) => order?.status === 'rejected').length,
    },
    units: { sold, returned: refunds.units },
    revenue: { amount: revenue, currency },
    refunded: { amount: refunds.amount, currency },
    ...rest,
  };
}

function unfinished({ plan, orders }: ReplayRun, refunds: RefundTotals): string[] {
  const unsold = orders.flatMap((order, number) =>
    isSold(order) ? [] : [`${plan.invoiceOf(number)} is ${order?.status}`],
  );
  return [
    ...(unsold.length === 0 ? [] : [`${unsold.length} orders were not sold: ${unsold.slice(0, 5).join(', ')}.`]),
    ...(refunds.impossible.length === 0
      ? []
      : [`Nothing could be given back for ${refunds.impossible.slice(0, 5).join(', ')}: their orders were not sold.`]),
  ];
}
