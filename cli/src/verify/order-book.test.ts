import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueFor } from './order-book.ts';

test('an order that was sold is paid, but for one that left before its money was refused for good', () => {
  const sold = { total: 500, captured: 500, shipments: 1 };
  assert.equal(dueFor(sold, 'captured'), 500);
  assert.equal(dueFor({ ...sold, captured: 0 }, 'capture-failed'), 0);
  for (const [unpaid, status] of [
    [{ ...sold, captured: 0 }, 'captured'],
    [{ ...sold, captured: 0, shipments: 0 }, 'capture-failed'],
    [sold, 'capture-failed'],
  ] as const)
    assert.equal(dueFor(unpaid, status), 500);
});
