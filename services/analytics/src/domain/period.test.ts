import assert from 'node:assert/strict';
import { test } from 'node:test';
import { averageOf } from './average.ts';
import { closedPeriod, readPeriod } from './period.ts';

const nowMs = Date.parse('2011-01-31T00:00:00.000Z');

test('a period that does not end after it begins is refused', () => {
  const instant = '2010-12-01T00:00:00Z';
  assert.throws(() => readPeriod({ from: instant, to: instant }), { code: 'request.invalid' });
  assert.throws(() => closedPeriod({ from: '2011-01-02T00:00:00Z', to: '2011-01-01T00:00:00Z' }, nowMs), {
    code: 'request.invalid',
  });
});

test('an open period has no ends', () => {
  assert.deepEqual(readPeriod({}), { from: null, to: null });
});

test('without ends a closed period is the last 30 days', () => {
  const { from, to } = closedPeriod({}, nowMs);
  assert.deepEqual([from, to], ['2011-01-01T00:00:00.000Z', '2011-01-31T00:00:00.000Z']);
});

test('a closed period that begins in the future has no past end', () => {
  assert.ok(closedPeriod({ from: '2030-01-01T00:00:00.000Z' }, nowMs).toMs > Date.parse('2030-01-01T00:00:00.000Z'));
});

test('a closed period that begins with the last instant there is, is refused', () => {
  const last = '9999-12-31T23:59:59.999Z';
  assert.throws(() => closedPeriod({ from: last }, nowMs), { code: 'request.invalid' });
  assert.equal(closedPeriod({ from: '9999-12-31T23:59:59.998Z' }, nowMs).to, last);
});

test('an average is rounded half up, and zero of nothing', () => {
  assert.deepEqual([averageOf(0, 0), averageOf(10, 4), averageOf(11, 4), averageOf(9, 4)], [0, 3, 3, 2]);
});
