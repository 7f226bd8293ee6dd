import { type ImportedProduct, type ImportReport, productContract } from '@stoa/contracts/product';
import { cliError } from '../cli-error.ts';
import type { PlannedProduct } from './plan.ts';
import { currency, type ReplayRun } from './replay-run.ts';

/** Puts the goods into the catalogue that are not there. Those that are stay as they are: somebody may have given them a better title since. */
export async function addProducts({ shop, plan, progress }: ReplayRun): Promise<void> {
  const known = new Set<string>();
  const { exportProducts, importProducts } = productContract.operations;
  for await (const line of shop.lines(exportProducts, { query: { format: 'ndjson' } })) {
    if (line === '') continue;
    for (const { sku } of (JSON.parse(line) as ImportedProduct).variants) known.add(sku);
  }
  const missing = plan.products().filter(({ sku }) => !known.has(sku));
  if (missing.length === 0) return;
  progress.expect(missing.length);
  const content = missing.map((product) => `${JSON.stringify(entryOf(product))}\n`).join('');
  let done = 0;
  for await (const line of shop.lines(importProducts, {}, { type: 'application/x-ndjson', content })) {
    if (line === '') continue;
    const report = JSON.parse(line) as ImportReport;
    if (report.type === 'progress')
      while (done < report.rows) {
        done++;
        progress.advance();
      }
    if (report.type === 'rejected')
      throw cliError('failed', `The shop refuses the product ${report.sku}: ${report.reason}.`);
    if (report.type === 'failed')
      throw cliError('failed', `Adding the products failed: ${report.detail} (${report.code})`);
  }
}

function entryOf({ sku, title, price }: PlannedProduct): ImportedProduct {
  return { title: title ?? sku, status: 'active', variants: [{ sku, price: { amount: price, currency } }] };
}
