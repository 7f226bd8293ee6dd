import { inventoryContract } from '@stoa/contracts/inventory';
import { ShopError } from '../shop/shop-error.ts';
import { eachOf } from './each-of.ts';
import { idempotencyKey } from './idempotency-key.ts';
import { missingOrders, type ReplayRun } from './replay-run.ts';

const { adjustStock, listMovements, listStock } = inventoryContract.operations;
const quantityMax = 1_000_000;

interface Receipt {
  readonly sku: string;
  readonly quantity: number;
  /** Says in the ledger, for ever, that this file's goods have come. */
  readonly reason: string;
}

/**
 * Receives exactly what the missing orders need of each SKU. Idempotency-Keys are kept for seven days only, so the ledger itself is asked: a receipt of this
 * file that stands there is not made again.
 */
export async function receiveStock(run: ReplayRun): Promise<void> {
  const { shop, progress, atOnce, fileId } = run;
  const stocked = new Set<string>();
  for await (const stock of shop.list(listStock, {}))
    if ('received' in stock && stock.received > 0) stocked.add(stock.sku);
  const needed = [...unitsNeeded(run)].sort(([a], [b]) => (a < b ? -1 : 1));
  progress.expect(needed.length);
  await eachOf(needed, atOnce, async ([sku, units]) => {
    const done = stocked.has(sku) ? await receiptsOf(run, sku) : new Set<string>();
    for (const receipt of receipts(sku, units, fileId)) if (!done.has(receipt.reason)) await receive(run, receipt);
    progress.advance();
  });
}

function unitsNeeded(run: ReplayRun): Map<string, number> {
  const needed = new Map<string, number>();
  for (const order of missingOrders(run)) {
    for (const { sku, quantity } of run.plan.order(order).items) needed.set(sku, (needed.get(sku) ?? 0) + quantity);
  }
  return needed;
}

/** One receipt, or several where there is more than one can take. */
function receipts(sku: string, units: number, fileId: string): Receipt[] {
  const count = Math.ceil(units / quantityMax);
  return Array.from({ length: count }, (_, index) => ({
    sku,
    quantity: Math.min(quantityMax, units - index * quantityMax),
    reason: `replay ${fileId}${count === 1 ? '' : ` part ${index + 1}`}`,
  }));
}

async function receiptsOf({ shop, fileId }: ReplayRun, sku: string): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { kind, reason } of shop.list(listMovements, { params: { sku } })) {
    if (kind === 'received' && reason?.startsWith(`replay ${fileId}`)) found.add(reason);
  }
  return found;
}

async function receive({ shop }: ReplayRun, { sku, quantity, reason }: Receipt): Promise<void> {
  try {
    const body = { kind: 'received', quantity, reason } as const;
    await shop.call(adjustStock, { params: { sku }, body }, { idempotencyKey: idempotencyKey('stock', sku, reason) });
  } catch (error) {
    // A run that was killed sent it with another quantity, before others placed some of the orders; its receipt came in after the ledger was read.
    if (error instanceof ShopError && error.code === 'idempotency.key-reused') return;
    throw error;
  }
}
