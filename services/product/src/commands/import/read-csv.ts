import { pipeline, type Readable } from 'node:stream';
import { type ProductColumn, productColumns } from '@stoa/contracts/product';
import { refusal } from '@stoa/platform/errors';
import { type CsvError, parse } from 'csv-parse';
import { type Cells, readCells } from '../../domain/csv-product.ts';
import { unguardCell } from '../../domain/formula-safe.ts';
import type { ImportItem, RejectedRow } from '../../domain/import-plan.ts';

/** What a file yields, in its order; `rows` says how many rows of the file it stands for, `size` about how many bytes of it are kept. */
export type FileEntry =
  | { readonly rows: number; readonly size: number; readonly item: ImportItem; readonly rejected?: undefined }
  | { readonly rows: number; readonly size?: undefined; readonly item?: undefined; readonly rejected: RejectedRow };

interface CsvRecord {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

// A quote that is never closed would otherwise swallow the rest of the file into memory.
const recordBytesMax = 1024 * 1024;
const rowsOfProductMax = 100;

/**
 * Opens a CSV file: RFC 4180 with what spreadsheets make of it (a byte order mark, CR LF or LF, empty lines, quotes inside cells). The header has been
 * read when this returns.
 *
 * @throws AppError `request.invalid` when the header has no `sku` or names a column that is not known
 */
export async function readCsv(file: Readable): Promise<AsyncIterable<FileEntry>> {
  const skipped: RejectedRow[] = [];
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: recordBytesMax,
    on_skip: (error) => void skipped.push({ line: lineOf(error), sku: null, reason: error?.message ?? 'is not CSV' }),
  });
  pipeline(file, parser, () => undefined);
  const records = (parser as AsyncIterable<CsvRecord>)[Symbol.asyncIterator]();
  const header = await records.next();
  const columns = columnsOf(header.done ? [] : header.value.record);
  return grouped(rowsOf({ [Symbol.asyncIterator]: () => records }, columns), skipped);
}

function lineOf(error: CsvError | undefined): number {
  return Number((error as { lines?: number } | undefined)?.lines ?? 0);
}

function columnsOf(header: readonly string[]): ProductColumn[] {
  const byLowerCase = new Map(productColumns.map((column) => [column.toLowerCase(), column]));
  const names = header.map((name) => name.trim());
  const columns = names.map((name) => byLowerCase.get(name.toLowerCase()));
  const unknown = names.filter((_name, at) => columns[at] === undefined);
  const twice = names.filter((_name, at) => columns.indexOf(columns[at]) !== at && columns[at] !== undefined);
  const errors = [
    ...unknown
      .slice(0, 20)
      .map((name) => ({ path: '/header', message: `${JSON.stringify(name.slice(0, 50))} is not a known column` })),
    ...twice.map((name) => ({ path: '/header', message: `${name} is given twice` })),
    ...(columns.includes('sku') ? [] : [{ path: '/header', message: 'sku is required' }]),
  ];
  if (errors.length === 0) return columns as ProductColumn[];
  throw refusal('request.invalid', `The first line must name columns: ${productColumns.join(', ')}.`, { errors });
}

interface Row {
  readonly line: number;
  readonly cells: Cells;
  readonly size: number;
  readonly reason?: string;
}

async function* rowsOf(records: AsyncIterable<CsvRecord>, columns: readonly ProductColumn[]): AsyncGenerator<Row> {
  // The parser counts a CR LF within quotes as two lines.
  let countedTwice = 0;
  for await (const { record, info } of records) {
    let linesWithin = 0;
    const cells: { [Column in ProductColumn]?: string } = {};
    for (const [at, text] of record.entries()) {
      if (text.includes('\n')) {
        linesWithin += text.split('\n').length - 1;
        countedTwice += text.split('\r\n').length - 1;
      }
      const column = columns[at];
      if (column !== undefined) cells[column] = unguardCell(text);
    }
    const line = info.lines - countedTwice - linesWithin;
    const size = record.reduce((all, text) => all + text.length, 0);
    const reason = whyUnreadable(record, columns.length);
    yield reason === undefined ? { line, cells, size } : { line, cells, size, reason };
  }
}

function whyUnreadable(record: readonly string[], columns: number): string | undefined {
  if (record.length !== columns) return `has ${record.length} cells where the header has ${columns}`;
  // The decoder puts U+FFFD where bytes are no UTF-8.
  if (record.some((text) => text.includes('\ufffd'))) return 'has bytes that are not UTF-8';
  return undefined;
}

/** Consecutive rows of one slug as one product. */
async function* grouped(rows: AsyncIterable<Row>, skipped: RejectedRow[]): AsyncGenerator<FileEntry> {
  let open: { item: ImportItem & { lines: number[] }; skus: Set<string>; size: number } | undefined;
  const close = (): FileEntry[] => {
    const entries: FileEntry[] = skipped.splice(0).map((rejected) => ({ rows: 1, rejected }));
    if (open) entries.unshift({ rows: open.item.lines.length, size: open.size, item: open.item });
    open = undefined;
    return entries;
  };
  for await (const { line, cells, size, reason } of rows) {
    if (skipped.length > 0) yield* close();
    const reading = reason === undefined ? readCells(cells) : { reason };
    const sku = cells.sku?.trim().toUpperCase() || null;
    if ('reason' in reading) {
      yield { rows: 1, rejected: { line, sku, reason: reading.reason } };
      continue;
    }
    const { product } = reading;
    const [variant] = product.variants;
    if (variant === undefined || sku === null) continue;
    if (
      open &&
      product.slug !== undefined &&
      product.slug === open.item.product.slug &&
      open.item.lines.length < rowsOfProductMax
    ) {
      if (open.skus.has(sku)) yield { rows: 1, rejected: { line, sku, reason: `repeats ${sku}` } };
      else {
        open.skus.add(sku);
        open.item.product.variants.push(variant);
        open.item.lines.push(line);
        open.size += size;
      }
      continue;
    }
    yield* close();
    open = { item: { product, lines: [line] }, skus: new Set([sku]), size };
  }
  yield* close();
}
