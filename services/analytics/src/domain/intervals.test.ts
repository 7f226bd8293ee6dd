import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intervals } from '@stoa/contracts/analytics';
import fc from 'fast-check';
import { intervalStartMs, intervalStarts } from './intervals.ts';

function starts(from: string, to: string, interval: (typeof intervals)[number]) {
  return intervalStarts({ fromMs: Date.parse(from), toMs: Date.parse(to) }, interval, 100);
}

test('a week starts on Monday', () => {
  assert.deepEqual(starts('2010-12-01T12:00:00Z', '2010-12-13T00:00:01Z', 'week'), [
    '2010-11-29T00:00:00.000Z',
    '2010-12-06T00:00:00.000Z',
    '2010-12-13T00:00:00.000Z',
  ]);
});

test('months follow the calendar over the turn of a year', () => {
  assert.deepEqual(starts('2010-12-31T23:59:59Z', '2011-03-01T00:00:00Z', 'month'), [
    '2010-12-01T00:00:00.000Z',
    '2011-01-01T00:00:00.000Z',
    '2011-02-01T00:00:00.000Z',
  ]);
});

test('the end of a period is not part of it', () => {
  assert.deepEqual(starts('2010-12-01T00:00:00Z', '2010-12-02T00:00:00Z', 'day'), ['2010-12-01T00:00:00.000Z']);
});

test('more intervals than are allowed give none', () => {
  assert.equal(starts('2010-12-01T00:00:00Z', '2010-12-05T05:00:00Z', 'hour'), undefined);
  assert.equal(starts('2010-12-01T00:00:00Z', '2010-12-05T04:00:00Z', 'hour')?.length, 100);
});

test('every instant lies in the interval that starts last before it', () => {
  const instants = fc.integer({ min: -1e12, max: 1e14 });
  fc.assert(
    fc.property(instants, fc.constantFrom(...intervals), (at, interval) => {
      const start = intervalStartMs(at, interval);
      assert.ok(start <= at);
      assert.equal(intervalStartMs(start, interval), start);
      if (interval === 'week') assert.equal(new Date(start).getUTCDay(), 1);
    }),
  );
});
