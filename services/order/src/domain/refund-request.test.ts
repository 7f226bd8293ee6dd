import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refundTerms } from './refund-request.ts';

test('a refund of an amount puts nothing back into stock, and says so', () => {
  const request = { amount: { amount: 100, currency: 'EUR' }, reason: 'broken', restock: true };
  assert.throws(() => refundTerms({} as never, request), {
    code: 'request.invalid',
    message: /names no goods/,
  });
});
