import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheOf, MemoryCache } from './index.ts';

/** A cache whose time stands still until it is moved. */
function started(options: { ttlMsMax?: number; entriesMax?: number } = {}) {
  const time = { nowMs: 0 };
  return { time, cache: new MemoryCache({ ...options, nowMs: () => time.nowMs }) };
}

/** A load that ends when it is told to, and counts how often it has begun. */
function slowLoad() {
  const begun: ((value: string) => void)[] = [];
  return { begun, load: () => new Promise<string>((resolve) => begun.push(resolve)) };
}

test('a value is loaded once and kept until its time, counted from the start of its load', async () => {
  const { cache, time } = started();
  let loads = 0;
  const load = async () => {
    time.nowMs += 10;
    return ++loads;
  };
  assert.equal(await cache.read('a', { ttlMs: 100, load }), 1);
  time.nowMs = 99;
  assert.equal(await cache.read('a', { ttlMs: 100, load }), 1);
  time.nowMs = 100;
  assert.equal(await cache.read('a', { ttlMs: 100, load }), 2);
});

test('a process that does not hear of every change keeps nothing for longer than it may', async () => {
  const { cache, time } = started({ ttlMsMax: 50 });
  await cache.read('a', { ttlMs: 5_000, load: async () => 'old' });
  time.nowMs = 50;
  assert.equal(await cache.read('a', { ttlMs: 5_000, load: async () => 'new' }), 'new');
});

test('a hundred who ask at once wait for one load', async () => {
  const { cache } = started();
  const { begun, load } = slowLoad();
  const asked = Array.from({ length: 100 }, () => cache.read('a', { ttlMs: 100, load }));
  begun[0]?.('loaded');
  assert.deepEqual([begun.length, new Set(await Promise.all(asked)).size], [1, 1]);
});

test('only what is missing is loaded, each key by one load', async () => {
  const { cache } = started();
  const asked: (readonly string[])[] = [];
  const load = async (keys: readonly string[]) => {
    asked.push(keys);
    return new Map(keys.filter((key) => key !== 'nobody').map((key) => [key, key.toUpperCase()]));
  };
  const [first, second] = await Promise.all([
    cache.readMany(['a', 'b', 'a'], { ttlMs: 100, load }),
    cache.readMany(['b', 'c', 'nobody'], { ttlMs: 100, load }),
  ]);
  assert.deepEqual(asked, [
    ['a', 'b'],
    ['c', 'nobody'],
  ]);
  assert.deepEqual(Object.fromEntries(first), { a: 'A', b: 'B' });
  assert.deepEqual(Object.fromEntries(second), { b: 'B', c: 'C' });
  await cache.readMany(['a', 'nobody'], { ttlMs: 100, load });
  assert.deepEqual(asked[2], ['nobody'], 'what is not there is asked for again');
});

test('what is forgotten while it is loaded is not kept, and who asks from then on is not given it', async () => {
  const { cache } = started();
  const { begun, load } = slowLoad();
  const before = cache.read('a', { ttlMs: 100, load });
  await cache.forget(['a']);
  const after = cache.read('a', { ttlMs: 100, load });
  begun[1]?.('new');
  assert.equal(await after, 'new');
  begun[0]?.('old');
  assert.equal(await before, 'old');
  assert.equal(await cache.read('a', { ttlMs: 100, load: async () => 'third' }), 'new');
});

test('a load that takes longer than its value may be kept is not waited for by whoever asks after that', async () => {
  const { cache, time } = started();
  const { begun, load } = slowLoad();
  const hanging = cache.read('a', { ttlMs: 100, load });
  time.nowMs = 99;
  const joined = cache.read('a', { ttlMs: 100, load });
  time.nowMs = 100;
  const later = cache.read('a', { ttlMs: 100, load });
  assert.equal(begun.length, 2);
  begun[1]?.('new');
  assert.equal(await later, 'new');
  begun[0]?.('old');
  assert.deepEqual([await hanging, await joined], ['old', 'old']);
  assert.equal(await cache.read('a', { ttlMs: 100, load: async () => 'third' }), 'new');
});

test('a load that fails is told to all who wait, and tried again by the next', async () => {
  const { cache } = started();
  const failing = { ttlMs: 100, load: () => Promise.reject(new Error('away')) };
  const told = await Promise.allSettled([cache.read('a', failing), cache.read('a', failing)]);
  assert.deepEqual(
    told.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await cache.read('a', { ttlMs: 100, load: async () => 'back' }), 'back');
});

test('memory is bounded, and the newest stay', async () => {
  const { cache } = started({ entriesMax: 10 });
  for (let number = 0; number < 100; number++) await cache.read(`${number}`, { ttlMs: 100, load: async () => number });
  assert.equal(cache.size, 10);
  assert.equal(await cache.read('99', { ttlMs: 100, load: async () => 'again' }), 99);
});

test('nobody can change what others are given', async () => {
  const { cache } = started();
  const read = () => cache.read('a', { ttlMs: 100, load: async () => ({ prices: [{ amount: 100 }] }) });
  const value = await read();
  assert.throws(() => Object.assign(value?.prices[0] ?? {}, { amount: 1 }), TypeError);
  assert.equal((await read())?.prices[0]?.amount, 100);
});

test('two owners of one cache do not meet', async () => {
  const { cache } = started();
  const product = cacheOf(cache, 'product');
  const order = cacheOf(cache, 'order');
  const load = (of: string) => async (keys: readonly string[]) => new Map(keys.map((key) => [key, `${of} ${key}`]));
  await product.readMany(['a'], { ttlMs: 100, load: load('product') });
  assert.deepEqual([...(await order.readMany(['a'], { ttlMs: 100, load: load('order') }))], [['a', 'order a']]);
  await order.forget(['a']);
  assert.equal(await product.read('a', { ttlMs: 100, load: async () => 'again' }), 'product a');
});
