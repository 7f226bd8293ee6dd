import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** One record of a CSV file. `fields` is undefined where it is no CSV: a quote that is opened and never closed. */
export interface CsvLine {
  /** Of the file's own lines, from 1, where the record begins. */
  readonly number: number;
  readonly fields: readonly string[] | undefined;
  readonly text: string;
}

export interface CsvFile {
  readonly lines: AsyncIterable<CsvLine>;
  /** SHA-256 of the bytes, in hexadecimal; known once every line has been read. */
  hash(): string;
}

// A quoted field may go on over line breaks. One that goes on for longer than this was never closed, and costs its own line only, not the rest of the file.
const linesOfRecordMax = 50;

/**
 * Reads a CSV file (RFC 4180; line breaks LF or CR LF, a byte order mark allowed) record by record. Memory does not grow with the file.
 *
 * Not csv-parse, because there a quote that is never closed swallows everything behind it, and every line of a replay has to be accounted for.
 */
export function readCsvFile(path: string): CsvFile {
  const hash = createHash('sha256');
  return {
    lines: recordsOf(physicalLines(path, (bytes) => hash.update(bytes))),
    hash: () => hash.copy().digest('hex'),
  };
}

async function* physicalLines(path: string, see: (bytes: Buffer) => void): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    see(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() as string;
    yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield [rest];
}

async function* recordsOf(chunks: AsyncIterable<readonly string[]>): AsyncGenerator<CsvLine> {
  // Lines of a record whose quote is still open.
  let open: string[] = [];
  let number = 1;
  function* take(line: string): Generator<CsvLine> {
    const text = open.length === 0 ? line : [...open, line].join('\n');
    if (!hasOpenQuote(text)) {
      open = [];
      const lines = text === line ? 1 : text.split('\n').length;
      yield { number, fields: fieldsOf(withoutReturn(text)), text: withoutReturn(text) };
      number += lines;
    } else if (open.length + 1 < linesOfRecordMax) open.push(line);
    else yield* giveUp([...open, line]);
  }
  /** The first line stands for itself, and the others are looked at again. */
  function* giveUp([first = '', ...others]: string[]): Generator<CsvLine> {
    open = [];
    yield { number: number++, fields: undefined, text: withoutReturn(first) };
    for (const line of others) yield* take(line);
  }
  for await (const lines of chunks) for (const line of lines) yield* take(line);
  while (open.length > 0) yield* giveUp(open);
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

function hasOpenQuote(text: string): boolean {
  if (!text.includes('"')) return false;
  let quoted = false;
  let atStart = true;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character !== '"') continue;
      if (text[at + 1] === '"') at++;
      else quoted = false;
    } else if (character === '"' && atStart) quoted = true;
    atStart = !quoted && character === ',';
  }
  return quoted;
}

/** Splits a record whose quotes are closed. A quote within an unquoted field is an ordinary character. */
export function fieldsOf(text: string): string[] {
  if (!text.includes('"')) return text.split(',');
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const { field, end } = text[at] === '"' ? quotedField(text, at) : plainField(text, at);
    fields.push(field);
    if (end >= text.length) return fields;
    at = end + 1;
  }
}

function plainField(text: string, from: number): { field: string; end: number } {
  const comma = text.indexOf(',', from);
  const end = comma < 0 ? text.length : comma;
  return { field: text.slice(from, end), end };
}

function quotedField(text: string, from: number): { field: string; end: number } {
  let field = '';
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    field += text.slice(at, quote);
    at = quote + 1;
    if (text[at] !== '"') break;
    field += '"';
    at++;
  }
  // What stands between the closing quote and the comma belongs to the field, as most readers take it.
  const { field: tail, end } = plainField(text, at);
  return { field: field + tail, end };
}
