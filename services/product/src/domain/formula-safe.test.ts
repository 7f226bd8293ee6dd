import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { csvRecord, guardCell, unguardCell } from './formula-safe.ts';

describe('a cell of an exported file', () => {
  it('is computed by no spreadsheet', () => {
    for (const text of ['=1+1', '+1', '-1', '@A1', '\t=1', '\r=1', '\n=1', "'=1"])
      assert.match(guardCell(text), /^'/, text);
    for (const text of ['', 'mug', "it's", '1-2', "''x"]) assert.equal(guardCell(text), text);
  });

  it('comes back as it was, whatever was in it', () => {
    const text = fc.string({ unit: fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', 'a', '"', ',') });
    fc.assert(fc.property(text, (cell) => unguardCell(guardCell(cell)) === cell));
  });

  it('is quoted when it has commas, quotes, line breaks or blanks at its ends', () => {
    assert.equal(csvRecord(['a', 'b,c', 'd"e', 'f\ng', ' h', '']), 'a,"b,c","d""e","f\ng"," h",\r\n');
  });
});
