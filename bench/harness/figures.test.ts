import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recoveryOf } from './goodput.ts';
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

describe('recovery', () => {
  const everyMs = 100;
  const good = (fromMs: number, toMs: number) =>
    Array.from({ length: (toMs - fromMs) / everyMs }, (_, n) => fromMs + n * everyMs);
  const outage = { hurtAtMs: 10_000, backAtMs: 13_000, endAtMs: 20_000 };

  it('is counted from the return to the first two seconds that are as good as those before the blow', () => {
    const answers = [...good(0, 10_000), ...good(14_000, 20_000)];
    assert.deepEqual(recoveryOf(answers, outage), {
      before: 10,
      series: [0, 0, 0, 0, 10, 10, 10, 10, 10, 10],
      afterMs: 2_900,
    });
  });

  it('is not the burst of what has waited', () => {
    const burst = Array.from({ length: 30 }, (_, n) => 13_000 + n);
    const answers = [...good(0, 10_000), ...burst, ...good(15_500, 20_000)];
    assert.equal(recoveryOf(answers, outage).afterMs, 4_400);
  });

  it('takes one such window when nobody noticed, and has no end when answers stay too few', () => {
    assert.equal(recoveryOf(good(0, 20_000), outage).afterMs, 2_000);
    const half = good(10_000, 20_000).filter((_, n) => n % 2 === 0);
    assert.equal(recoveryOf([...good(0, 10_000), ...half], outage).afterMs, undefined);
  });
});
