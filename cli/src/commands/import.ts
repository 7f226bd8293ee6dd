import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import type { ImportReport } from '@stoa/contracts/product';
import type { Command } from 'commander';
import { cliError } from '../cli-error.ts';
import { describe, type JsonOption, printJson, type Surroundings } from '../command.ts';

interface ImportOptions extends JsonOption {
  readonly dryRun?: boolean;
}

type Report<T extends ImportReport['type']> = Extract<ImportReport, { type: T }>;

/** `stoa import FILE` */
export function addImport(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('import')
    .argument('<file>', 'CSV, or NDJSON when its name ends in .ndjson')
    .summary('import products')
    .description(
      'Imports products by SKU: new ones are made, known ones changed. The columns are those of GET /api/v1/products/export.',
    )
    .option('--dry-run', 'only say what would happen');
  describe(command, ['import products.csv', 'import products.ndjson --dry-run --json']);
  command.action((file: string, options: ImportOptions) => importFile(file, options, surroundings));
}

async function importFile(file: string, options: ImportOptions, surroundings: Surroundings): Promise<void> {
  await access(file).catch((error) => {
    throw cliError('not-found', `There is no file ${file} that can be read.`, { cause: error });
  });
  const { productContract } = await import('@stoa/contracts/product');
  const { withShop } = await import('../shop/with-shop.ts');
  const { openProgress } = await import('../progress.ts');
  const rejected: Report<'rejected'>[] = [];
  const progress = openProgress();
  const end = await withShop(surroundings, async (shop) => {
    const type = file.endsWith('.ndjson') ? 'application/x-ndjson' : 'text/csv';
    const query = options.dryRun ? { dryRun: true } : {};
    let last: ImportReport | undefined;
    for await (const line of shop.lines(
      productContract.operations.importProducts,
      { query },
      { type, content: createReadStream(file) },
    )) {
      if (line === '') continue;
      last = JSON.parse(line) as ImportReport;
      if (last.type === 'rejected') rejected.push(last);
      if (last.type === 'progress') progress.note(`${last.rows} rows read`);
    }
    return last;
  });
  if (end?.type === 'failed')
    throw cliError('failed', `The import stopped after ${end.rows} rows: ${end.detail} (${end.code})`);
  if (end?.type !== 'summary') throw cliError('unavailable', 'The import broke off; importing the file again is safe.');
  const { type: _type, ...summary } = end;
  if (options.json)
    printJson(surroundings, { ...summary, rejections: rejected.map(({ type: _rejected, ...rest }) => rest) });
  else {
    surroundings.write(
      `${summary.rows} rows: ${summary.created} created, ${summary.updated} updated, ${summary.unchanged} unchanged, ${summary.rejected} rejected\n`,
    );
    for (const { line, sku, reason } of rejected)
      surroundings.write(`line ${line}${sku ? ` (${sku})` : ''}: ${reason}\n`);
  }
  if (summary.rejected > 0) throw cliError('failed', `${summary.rejected} rows were rejected.`);
}
