import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NewMetadata, strict, validatorOf } from './index.ts';

const { check, violations } = validatorOf(strict({ metadata: NewMetadata }));

test('metadata is taken with short texts under short plain keys, and with nothing else', () => {
  deepEqual(check({ metadata: { 'order.source': 'shop', 'a:b-c_1': '' } }), true);
  for (const key of ['', 'a b', 'é', '__proto__', 'x'.repeat(41)])
    for (const value of ['text', 5, { deep: [1] }]) {
      const body = { metadata: Object.fromEntries([[key, value]]) };
      deepEqual(
        [check(body), violations(body)],
        [false, [{ path: `/metadata/${key}`, message: 'is not a known field' }]],
      );
    }
});
