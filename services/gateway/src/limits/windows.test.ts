import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from './limits.ts';
import { Windows } from './windows.ts';

test('a quota is exactly what it says, until its window ends', () => {
  const windows = new Windows();
  const taken = Array.from({ length: 5 }, () => windows.take('a', 3, 1_000));
  assert.deepEqual(
    taken.map(({ exceeded }) => exceeded),
    [false, false, false, true, true],
  );
  assert.deepEqual(
    taken.map(({ remaining }) => remaining),
    [2, 1, 0, 0, 0],
  );
  assert.equal(windows.take('a', 3, 60_999).exceeded, true);
  assert.deepEqual(windows.take('a', 3, 61_000), { remaining: 2, resetS: 60, exceeded: false });
});

test('what is left is said without counting', () => {
  const windows = new Windows();
  assert.equal(windows.exhausted('a', 1, 0).exceeded, false);
  windows.take('a', 1, 0);
  assert.deepEqual(windows.exhausted('a', 1, 1_500), { remaining: 0, resetS: 59, exceeded: true });
  assert.equal(windows.exhausted('a', 1, 60_000).exceeded, false);
});

test('memory is bounded however many come, and the newest are kept', () => {
  const windows = new Windows({ keysMax: 100 });
  for (let number = 0; number < 10_000; number++) windows.take(`key ${number}`, 1, 0);
  assert.equal(windows.size, 100);
  assert.equal(windows.take('key 9999', 1, 0).exceeded, true);
});

test('windows that have ended make room by themselves', () => {
  const windows = new Windows();
  for (let number = 0; number < 1_000; number++) windows.take(`old ${number}`, 1, 0);
  for (let number = 0; number < 1_000; number++) windows.take(`new ${number}`, 1, 60_000);
  assert.ok(windows.size <= 1_000, String(windows.size));
});

test('a clock that was set back locks nobody out', () => {
  const windows = new Windows();
  windows.take('a', 1, 10_000_000);
  assert.equal(windows.take('a', 1, 0).exceeded, false);
});

test('an IPv6 address counts as its network of 64 bits, an IPv4 one as itself', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('2001:db8:0:1:aaaa::1'), '2001:db8:0:1::/64');
  assert.equal(networkOf('2001:0DB8:0000:0001::9'), '2001:db8:0:1::/64');
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
});

test('what others have counted is taken over with their window, and nothing counted here is forgotten', () => {
  const windows = new Windows();
  windows.take('a', 10, 0);
  windows.learn('a', { used: 7, resetInMs: 20_000 }, 1_000);
  assert.deepEqual(windows.take('a', 10, 1_000), { remaining: 2, resetS: 20, exceeded: false });
  windows.learn('a', { used: 3, resetInMs: 20_000 }, 1_000);
  assert.deepEqual(windows.counted('a', 1_000), { used: 8, resetInMs: 20_000 });
  windows.learn('a', { used: 12, resetInMs: 20_000 }, 1_000);
  assert.deepEqual(windows.take('a', 10, 1_000), { remaining: 0, resetS: 20, exceeded: true });
  assert.equal(windows.counted('a', 21_000), undefined);
});
