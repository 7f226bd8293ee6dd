import { Readable } from 'node:stream';
import type { ImportReport, productContract } from '@stoa/contracts/product';
import { assert, findAppError } from '@stoa/platform/errors';
import type { Call, Handler, Service } from '@stoa/platform/service';
import type { ImportItem } from '../../domain/import-plan.ts';
import { importBatch } from './import-batch.ts';
import { type FileEntry, readCsv } from './read-csv.ts';
import { readNdjson } from './read-ndjson.ts';

type ImportProducts = typeof productContract.operations.importProducts;

/** Rows whose products share a transaction: enough that the commit costs little, few enough that others are not kept waiting for their locks. */
const rowsOfBatch = 500;
/** About how much of a file is in memory at once, as products and statements several times over. */
const sizeOfBatch = 4 * 1024 * 1024;

export const importProducts: Handler<ImportProducts> = async (call, service) => {
  assert(call.stream, 'an import has a body');
  const type = call.headers['content-type'] ?? '';
  const entries = type.toLowerCase().includes('ndjson') ? readNdjson(call.stream) : await readCsv(call.stream);
  const lines = report(call, service, entries);
  return { stream: Readable.from(lines, { objectMode: false }) };
};

async function* report(
  call: Call<ImportProducts>,
  service: Service,
  entries: AsyncIterable<FileEntry>,
): AsyncGenerator<string> {
  const startedMs = performance.now();
  const dryRun = call.query.dryRun ?? false;
  const counts = { rows: 0, rejected: 0, created: 0, updated: 0, unchanged: 0 };
  const say = (line: ImportReport) => `${JSON.stringify(line)}\n`;
  try {
    for await (const batch of batchesOf(entries)) {
      const plan =
        batch.items.length > 0 ? await importBatch(service, batch.items, { dryRun, cause: call.cause }) : undefined;
      const rejected = [...batch.rejected, ...(plan?.rejected ?? [])].sort((a, b) => a.line - b.line);
      counts.rows += batch.rows;
      counts.rejected += rejected.length;
      counts.created += plan?.counts.created ?? 0;
      counts.updated += plan?.counts.updated ?? 0;
      counts.unchanged += plan?.counts.unchanged ?? 0;
      // One text a batch: a line each would be a write to the socket each.
      yield [...rejected.map((row) => say({ type: 'rejected', ...row })), say({ type: 'progress', ...counts })].join(
        '',
      );
    }
    const seconds = Math.round(performance.now() - startedMs) / 1000;
    yield say({ type: 'summary', dryRun, seconds, ...counts });
  } catch (error) {
    // The answer's status has gone out long ago, so that its last line has to say it.
    const known = findAppError(error);
    if (known === undefined) service.log.error({ err: error }, 'an import failed');
    yield say({
      type: 'failed',
      code: known?.code ?? 'internal',
      detail: known?.message ?? 'The import could not go on.',
      ...counts,
    });
  } finally {
    call.stream?.destroy();
  }
}

interface Batch {
  readonly items: ImportItem[];
  readonly rejected: NonNullable<FileEntry['rejected']>[];
  rows: number;
  size: number;
}

async function* batchesOf(entries: AsyncIterable<FileEntry>): AsyncGenerator<Batch> {
  const empty = (): Batch => ({ items: [], rejected: [], rows: 0, size: 0 });
  let batch = empty();
  for await (const { rows, size = 0, item, rejected } of entries) {
    batch.rows += rows;
    batch.size += size;
    if (item) batch.items.push(item);
    else batch.rejected.push(rejected);
    if (batch.rows < rowsOfBatch && batch.size < sizeOfBatch) continue;
    yield batch;
    batch = empty();
  }
  if (batch.rows > 0) yield batch;
}
