import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sameValue } from './same-value.ts';

describe('two values', () => {
  it('are the same when their JSON says the same, in whatever order of fields', () => {
    assert.ok(sameValue({ a: [1, { b: null }], c: 'x' }, { c: 'x', a: [1, { b: null }] }));
    fc.assert(fc.property(fc.jsonValue(), (value) => sameValue(value, JSON.parse(JSON.stringify(value)))));
  });

  it('are not when anything differs', () => {
    const pairs = [
      [
        [1, 2],
        [2, 1],
      ],
      [{ a: 1 }, { b: 1 }],
      [{ a: 1 }, { a: 1, b: 2 }],
      [[], {}],
      [null, {}],
      ['1', 1],
      [{ toString: 1 }, { a: 1 }],
    ];
    for (const [one, other] of pairs) assert.equal(sameValue(one, other), false, JSON.stringify([one, other]));
  });
});
