import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverLines, type ScriptCoverage } from './line-coverage.ts';

const source = [
  '// A comment.',
  'interface Shape {',
  '  side: number;',
  '}',
  'export function area(shape: Shape): number {',
  '  if (shape.side < 0) {',
  "    throw new Error('negative');",
  '  }',
  '  return shape.side ** 2;',
  '}',
].join('\n');
const at = (text: string) => source.indexOf(text);
const whole = { startOffset: 0, endOffset: source.length, count: 1 };
const body = { startOffset: at('export function'), endOffset: source.length };
const branch = { startOffset: at('{\n    throw'), endOffset: at('  return') };

const process = (...ranges: { startOffset: number; endOffset: number; count: number }[]): ScriptCoverage => ({
  functions: [{ ranges: [whole] }, { ranges }],
});
const linesWhere = (covered: boolean, coverages: ScriptCoverage[]) =>
  coverLines(source, coverages)
    .filter((line) => line.covered === covered)
    .map((line) => line.number);

test('only lines of code count, not comments, types and brackets', () => {
  assert.deepEqual(linesWhere(false, []), [5, 6, 7, 9]);
});

test('a file that nobody loaded is not covered at all', () => {
  assert.deepEqual(linesWhere(true, []), []);
});

test('a function that was never called is not covered', () => {
  assert.deepEqual(linesWhere(true, [process({ ...body, count: 0 })]), []);
});

test('a branch that was not taken is not covered, though the function around it is', () => {
  assert.deepEqual(linesWhere(false, [process({ ...body, count: 3 }, { ...branch, count: 0 })]), [7]);
});

test('a line is covered when one of several processes ran it', () => {
  const first = process({ ...body, count: 1 }, { ...branch, count: 0 });
  const second = process({ ...body, count: 1 });
  assert.deepEqual(linesWhere(false, [first, second]), []);
});
