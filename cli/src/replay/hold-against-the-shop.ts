import { setTimeout as sleep } from 'node:timers/promises';
import { analyticsContract } from '@stoa/contracts/analytics';
import { gatewayContract } from '@stoa/contracts/gateway';
import { paymentContract } from '@stoa/contracts/payment';
import { cliError } from '../cli-error.ts';
import { parseDecimal } from './decimal.ts';
import { currency, isSold, type ReplayRun } from './replay-run.ts';

const pollMs = 100;
const restMsMax = 120_000;
const mismatchesMax = 5;

/** Waits until everything that was accepted is done, or for two minutes: a shop with other customers never rests. */
export async function awaitRest({ shop }: ReplayRun): Promise<void> {
  const endsAtMs = performance.now() + restMsMax;
  for (;;) {
    const { total, partial } = await shop.call(gatewayContract.operations.getBacklog, {});
    const { outbox, inbox, sagasLive, effects, dead } = total;
    if (dead > 0) throw cliError('failed', `${dead} messages could not be handled: look at npx stoa dead-letters.`);
    if (partial.length === 0 && outbox + inbox + sagasLive + effects === 0) return;
    if (performance.now() > endsAtMs) return;
    await sleep(pollMs);
  }
}

/** One order as somebody's books have it, in pence. */
interface Booked {
  readonly sold: number;
  readonly refunded: number;
}

/** Holds every order of the file against analytics and against the payment ledger. Answers what does not agree, the first few. */
export async function findMismatches(run: ReplayRun): Promise<string[]> {
  const numbers = new Map<string, number>();
  for (const [number, order] of run.orders.entries()) if (order && isSold(order)) numbers.set(order.id, number);
  const books = { analytics: await analyticsBooks(run, numbers), ledger: await ledgerBooks(run, numbers) };
  const mismatches: string[] = [];
  for (const [id, number] of numbers) {
    const { invoice, total } = run.plan.order(number);
    const refunded = run.orders[number]?.refunded ?? 0;
    for (const [name, book] of Object.entries(books)) {
      const booked = book.get(id);
      if (booked?.sold === total && booked.refunded === refunded) continue;
      const theirs = booked ? `${booked.sold} sold and ${booked.refunded} refunded` : 'nothing';
      mismatches.push(
        `invoice ${invoice} (order ${id}): the shop has ${total} sold and ${refunded} refunded, ${name} ${theirs} (pence)`,
      );
      if (mismatches.length === mismatchesMax) return mismatches;
    }
  }
  return mismatches;
}

async function analyticsBooks(
  { shop, plan }: ReplayRun,
  numbers: ReadonlyMap<string, number>,
): Promise<Map<string, Booked>> {
  const books = new Map<string, Booked>();
  if (numbers.size === 0) return books;
  const times = [...numbers.values()].map((number) => plan.placedAtMsOf(number));
  const from = times.reduce((a, b) => Math.min(a, b));
  const to = times.reduce((a, b) => Math.max(a, b));
  const query = {
    rows: 'orders',
    currency,
    from: new Date(from).toISOString(),
    to: new Date(to + 1).toISOString(),
  } as const;
  let columns: string[] | undefined;
  for await (const line of shop.lines(analyticsContract.operations.exportSales, { query })) {
    const cells = line.trimEnd().split(',');
    if (columns === undefined) {
      columns = cells;
      continue;
    }
    const cell = (name: string) => cells[columns?.indexOf(name) ?? -1] ?? '';
    if (!numbers.has(cell('order_id')) || cell('status') !== 'confirmed') continue;
    books.set(cell('order_id'), { sold: pence(cell('total')), refunded: pence(cell('refunded')) });
  }
  return books;
}

function pence(text: string): number {
  return parseDecimal(text)?.hundredths ?? Number.NaN;
}

async function ledgerBooks({ shop }: ReplayRun, numbers: ReadonlyMap<string, number>): Promise<Map<string, Booked>> {
  const books = new Map<string, Booked>();
  if (numbers.size === 0) return books;
  for await (const { orderId, ledger } of shop.list(paymentContract.operations.listPayments, {})) {
    if (!numbers.has(orderId)) continue;
    const sum = (movement: string) =>
      ledger
        .filter((line) => line.account === 'sales' && line.movement === movement)
        .reduce((all, line) => all + line.credit.amount - line.debit.amount, 0);
    books.set(orderId, { sold: sum('capture'), refunded: 0 - sum('refund') });
    if (books.size === numbers.size) break;
  }
  return books;
}
