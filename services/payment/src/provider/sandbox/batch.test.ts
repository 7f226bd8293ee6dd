import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batched } from './batch.ts';

test('callers at once share a call, later ones the next, and each gets its own answer', async () => {
  const batches: number[] = [];
  let letGo = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const double = batched(async (items: readonly number[]) => {
    batches.push(items.length);
    if (batches.length === 1) await first;
    return items.map((item) => item * 2);
  });
  const early = [1, 2, 3].map(double);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const late = [4, 5].map(double);
  letGo();
  assert.deepEqual(await Promise.all([...early, ...late]), [2, 4, 6, 8, 10]);
  assert.deepEqual(batches, [3, 2]);
});

test('a call that fails fails its callers only', async () => {
  const risky = batched(async (items: readonly string[]) => {
    if (items.includes('bad')) throw new Error('bad');
    return items;
  });
  await assert.rejects(risky('bad'), /bad/);
  assert.equal(await risky('good'), 'good');
});

test('no batch has more than 200', async () => {
  const sizes: number[] = [];
  const same = batched(async (items: readonly number[]) => {
    sizes.push(items.length);
    return items;
  });
  await Promise.all(Array.from({ length: 450 }, (_, at) => same(at)));
  assert.deepEqual(sizes, [200, 200, 50]);
});
