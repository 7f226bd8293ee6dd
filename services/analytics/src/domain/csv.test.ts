import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvLine, decimalText, textCell } from './csv.ts';

test('a text that a spreadsheet would run gets an apostrophe in front', () => {
  for (const start of ['=', '+', '-', '@', '\t']) assert.equal(textCell(`${start}cmd`), `'${start}cmd`);
  assert.equal(textCell('\rcmd'), `"'\rcmd"`);
});

test('quotes, commas and line breaks are quoted', () => {
  assert.equal(textCell('5" nail, long'), '"5"" nail, long"');
  assert.equal(textCell('=HYPERLINK("x")'), `"'=HYPERLINK(""x"")"`);
});

test('an ordinary text stays as it is', () => {
  assert.equal(textCell('WHITE HANGING HEART T-LIGHT HOLDER'), 'WHITE HANGING HEART T-LIGHT HOLDER');
});

test('a line ends as RFC 4180 says', () => {
  assert.equal(csvLine(['a', 1]), 'a,1\r\n');
});

test('minor units become decimals digit by digit', () => {
  assert.equal(decimalText(5, 2), '0.05');
  assert.equal(decimalText(1999, 2), '19.99');
  assert.equal(decimalText(1500, 0), '1500');
  assert.equal(decimalText(9_007_199_254_740_991, 3), '9007199254740.991');
});
