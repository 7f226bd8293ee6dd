import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheKeyOf, type Kept, type Recorded, ResponseCache } from './response-cache.ts';

const answer = (bytes: number, untilMs = 1_000): Kept => ({
  status: 200,
  headers: [],
  body: Buffer.alloc(bytes),
  etag: '"1"',
  untilMs,
});
const put = (cache: ResponseCache, key: string, kept: Kept, group = 'product') =>
  cache.load(
    key,
    group,
    async () => kept,
    (recorded) => recorded as Kept,
  );

test('an answer is kept until its time, then asked for again', async () => {
  const cache = new ResponseCache(1e6);
  await put(cache, '/a', answer(10));
  assert.equal(cache.get('/a', 999)?.body.length, 10);
  assert.equal(cache.get('/a', 1_000), undefined);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
});

test('memory is bounded in bytes, and what is used stays', async () => {
  const cache = new ResponseCache(100_000);
  await put(cache, '/used', answer(1_000));
  for (let number = 0; number < 500; number++) {
    await put(cache, `/${number}`, answer(1_000));
    assert.ok(cache.bytes <= 100_000);
    assert.ok(cache.get('/used', 0), `used until ${number}`);
  }
  assert.equal(cache.get('/0', 0), undefined);
});

test('an answer that would take an eighth of the memory is not kept', async () => {
  const cache = new ResponseCache(80_000);
  await put(cache, '/a', answer(10_000));
  assert.equal(cache.size, 0);
});

test('forgetting a service leaves the others', async () => {
  const cache = new ResponseCache(1e6);
  await put(cache, '/a', answer(1), 'product');
  await put(cache, '/b', answer(1), 'user');
  cache.forget('product');
  assert.deepEqual([cache.get('/a', 0), cache.get('/b', 0)?.status], [undefined, 200]);
});

test('who comes after a change is not given what was asked for before it', async () => {
  const cache = new ResponseCache(1e6);
  const finish: ((recorded: Recorded) => void)[] = [];
  const load = () =>
    cache.load(
      '/a',
      'product',
      () => new Promise((resolve) => finish.push(resolve)),
      () => undefined,
    );
  const before = load();
  const together = load();
  cache.forget('product');
  const after = load();
  assert.equal(finish.length, 2);
  finish[0]?.({ status: 200, headers: [], body: Buffer.from('old') });
  finish[1]?.({ status: 200, headers: [], body: Buffer.from('new') });
  const texts = (await Promise.all([before, together, after])).map(({ body }) => body.toString());
  assert.deepEqual(texts, ['old', 'old', 'new']);
});

test('a load that fails is forgotten', async () => {
  const cache = new ResponseCache(1e6);
  await assert.rejects(
    cache.load(
      '/a',
      'product',
      () => Promise.reject(new Error('away')),
      () => undefined,
    ),
  );
  await put(cache, '/a', answer(1));
  assert.ok(cache.get('/a', 0));
});

test('the order of parameters makes no difference, that of repeated ones does', () => {
  assert.equal(cacheKeyOf('/a?b=1&a=2'), cacheKeyOf('/a?a=2&b=1'));
  assert.notEqual(cacheKeyOf('/a?a=1&a=2'), cacheKeyOf('/a?a=2&a=1'));
  assert.equal(cacheKeyOf('/a?b=1'), '/a?b=1');
  assert.notEqual(cacheKeyOf('/a?b=1&c=2'), cacheKeyOf('/a?b=1c=2'));
});
