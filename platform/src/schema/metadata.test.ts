import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NewMetadata, strict, validatorOf } from './index.ts';

const { check, violations } = validatorOf(strict({ metadata: NewMetadata }));

test('metadata is taken with short texts under short keys, and with nothing else', () => {
  deepEqual(check({ metadata: { 'order.source': 'shop', 'a:b-c_1': '', 'gift note': 'x', größe: 'L' } }), true);
  for (const value of [5, { deep: [1] }, 'x'.repeat(501)]) deepEqual(check({ metadata: { note: value } }), false);
  for (const key of ['', 'a\nb', '__proto__', 'x'.repeat(41)])
    for (const value of ['text', 5, { deep: [1] }]) {
      const body = { metadata: Object.fromEntries([[key, value]]) };
      deepEqual(
        [check(body), violations(body)],
        [false, [{ path: `/metadata/${key}`, message: 'is not a known field' }]],
      );
    }
});
