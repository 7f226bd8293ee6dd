import type { Readable } from 'node:stream';
import { findAppError } from '@stoa/platform/errors';
import { parseJson } from '@stoa/platform/http';
import { readValue } from '../../domain/csv-product.ts';
import type { FileEntry } from './read-csv.ts';

const lineBytesMax = 1024 * 1024;
const newline = 0x0a;

/** Reads an NDJSON file: a product a line; empty lines mean nothing. */
export async function* readNdjson(file: Readable): AsyncGenerator<FileEntry> {
  for await (const { line, bytes } of linesOf(file)) {
    if (bytes === undefined) {
      yield rejected(line, `is longer than ${lineBytesMax} bytes`);
      continue;
    }
    if (bytes.toString('latin1').trim() !== '') yield entryOf(line, bytes);
  }
}

function entryOf(line: number, bytes: Buffer): FileEntry {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    return rejected(line, findAppError(error)?.message ?? 'is not JSON');
  }
  const reading = readValue(value);
  if ('reason' in reading) return rejected(line, reading.reason, skuOf(value));
  return {
    rows: 1,
    size: bytes.length,
    item: { product: reading.product, lines: reading.product.variants.map(() => line) },
  };
}

function rejected(line: number, reason: string, sku: string | null = null): FileEntry {
  return { rows: 1, rejected: { line, sku, reason } };
}

/** The first SKU of something that is no product, to find the line by. */
function skuOf(value: unknown): string | null {
  const sku = (value as { variants?: { sku?: unknown }[] } | null)?.variants?.[0]?.sku;
  return typeof sku === 'string' ? sku.slice(0, 64) : null;
}

/** The lines of a stream of bytes, numbered from 1; one that is too long comes without its bytes, which were never kept. */
async function* linesOf(file: Readable): AsyncGenerator<{ line: number; bytes: Buffer | undefined }> {
  let line = 1;
  let begun: Buffer[] = [];
  let length = 0;
  const take = (part: Buffer) => {
    length += part.length;
    if (length > lineBytesMax) begun = [];
    else begun.push(part);
  };
  const finish = () => {
    const bytes = length > lineBytesMax ? undefined : withoutMark(Buffer.concat(begun), line);
    begun = [];
    length = 0;
    return { line: line++, bytes };
  };
  for await (const chunk of file as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      yield finish();
    }
    take(chunk.subarray(from));
  }
  if (length > 0) yield finish();
}

/** The first line without the byte order mark that some editors put there. */
function withoutMark(bytes: Buffer, line: number): Buffer {
  return line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
