import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printReport } from './print-report.ts';
import { quantilesOf } from './quantiles.ts';
import { isMet, ratioOf } from './scenario.ts';
import { slopeOf } from './slope.ts';

describe('quantiles', () => {
  it('are values that were measured, by rank', () => {
    const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
    assert.deepEqual(quantilesOf(hundred), { count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
    assert.deepEqual(quantilesOf([7]), { count: 1, p50: 7, p95: 7, p99: 7, max: 7 });
  });

  it('are zero when nothing was measured', () => {
    assert.deepEqual(quantilesOf([]), { count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });
});

describe('growth', () => {
  it('is the slope of the nearest line, which one odd sample hardly moves', () => {
    assert.equal(slopeOf([10, 12, 14, 16]), 2);
    assert.ok(Math.abs(slopeOf([10, 10, 16, 10, 10])) < 1e-9);
  });
});

describe('a target', () => {
  it('is reached by rates at or above it and by durations at or below it', () => {
    const rate = { name: 'orders', unit: 'orders/s', target: { atLeast: 450 } };
    const duration = { name: 'p95', unit: 'ms', target: { atMost: 100 } };
    assert.deepEqual(
      [449, 450].map((value) => isMet({ ...rate, value })),
      [false, true],
    );
    assert.deepEqual(
      [100, 101].map((value) => isMet({ ...duration, value })),
      [true, false],
    );
    assert.equal(isMet({ name: 'p50', unit: 'ms', value: 3 }), undefined);
    assert.equal(ratioOf({ ...rate, value: 900 }), 2);
  });

  it('stands beside its figure, and a miss is said', () => {
    const figures = [{ name: 'orders', value: 225, unit: 'orders/s', target: { atLeast: 450 } }];
    const text = printReport('checkout', 'orders', { figures, notes: ['one note'] });
    assert.match(text, /orders +225 orders\/s +≥ 450 +0\.50 +MISSED\n {2}· one note/);
  });
});
