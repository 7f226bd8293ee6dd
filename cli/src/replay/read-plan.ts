import { cliError } from '../cli-error.ts';
import { columnNames, columnsOf } from './columns.ts';
import { ReplayPlan } from './plan.ts';
import { readCsvFile } from './read-lines.ts';
import type { Rejects } from './rejects.ts';

export interface PlannedFile {
  readonly plan: ReplayPlan;
  /** SHA-256 of the file. */
  readonly hash: string;
}

const itemsOfOrderMax = 2_000;

/** Reads a file of trade once, from its beginning to its end, and works out what it comes to. */
export async function readPlan(path: string, rejects: Rejects): Promise<PlannedFile> {
  const file = readCsvFile(path);
  const lines = file.lines[Symbol.asyncIterator]();
  const header = await lines.next();
  const columns = columnsOf(header.done ? undefined : header.value.fields);
  if (!columns)
    throw cliError('usage', `${path} is no file of trade: its first line has to name ${columnNames.join(', ')}.`);
  const plan = new ReplayPlan();
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    const reason = plan.take(columns.read(line.fields));
    if (reason) await rejects.add(line, reason);
  }
  refuseTooLargeOrders(plan);
  return { plan, hash: file.hash() };
}

function refuseTooLargeOrders(plan: ReplayPlan): void {
  for (let order = 0; order < plan.orderCount; order++) {
    const items = plan.itemCountOf(order);
    if (items <= itemsOfOrderMax) continue;
    throw cliError(
      'failed',
      `Invoice ${plan.invoiceOf(order)} has ${items} lines of goods, and an order takes ${itemsOfOrderMax} at the most. Nothing was replayed: split the invoice and try again.`,
    );
  }
}
