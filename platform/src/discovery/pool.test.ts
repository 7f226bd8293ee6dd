import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../time/index.ts';
import { type Lease, Pool } from './pool.ts';

const [a, b, c, d] = ['http://a', 'http://b', 'http://c', 'http://d'] as const;

/** Random numbers that are the same every time (a linear congruential generator, Numerical Recipes). */
function sameRandom(): () => number {
  let seed = 1;
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
}

function poolOf(...urls: string[]) {
  const clock = fakeClock('2026-01-01T00:00:00Z');
  const pool = new Pool({ clock, random: sameRandom() });
  pool.replace(urls);
  return { clock, pool, take: (avoid?: string) => pool.acquire(avoid) as Lease };
}

/** Makes calls until one instance has failed so often or is not chosen any more; calls to others go well. */
function fail(pool: Pool, url: string, times: number): void {
  for (let failed = 0, calls = 0; failed < times && calls < 1_000; calls++) {
    const lease = pool.acquire() as Lease;
    lease.done(lease.url === url ? 'failed' : 'ok');
    if (lease.url === url) failed += 1;
  }
}

function ejected(pool: Pool): string[] {
  return pool
    .list()
    .filter((endpoint) => endpoint.ejected)
    .map(({ url }) => url);
}

function chosen(pool: Pool, calls: number): Set<string> {
  return new Set(
    Array.from({ length: calls }, () => {
      const lease = pool.acquire() as Lease;
      lease.done('ok');
      return lease.url;
    }),
  );
}

test('no instance is chosen of none', () => {
  equal(poolOf().pool.acquire(), undefined);
});

test('of two instances the one with fewer calls in flight is chosen', () => {
  const { pool, take } = poolOf(a, b);
  const first = take();
  const second = take();
  notEqual(first.url, second.url);
  first.done('ok');
  for (let call = 0; call < 20; call++) {
    const lease = take();
    equal(lease.url, first.url);
    lease.done('ok');
  }
  deepEqual(
    pool
      .list()
      .map(({ inFlight }) => inFlight)
      .sort(),
    [0, 1],
  );
});

test('calls spread evenly over many instances', () => {
  const urls = Array.from({ length: 10 }, (_, index) => `http://${index}`);
  const { pool, take } = poolOf(...urls);
  for (let call = 0; call < 1_000; call++) take();
  for (const { inFlight } of pool.list()) equal(Math.abs(inFlight - 100) <= 5, true, `${inFlight} of 100`);
});

test('the instance to avoid is passed over when there is another', () => {
  const { take } = poolOf(a, b);
  for (let call = 0; call < 20; call++) equal(take(a).url, b);
  equal(poolOf(a).take(a).url, a);
});

test('a call counts once, however often its end is told', () => {
  const { pool, take } = poolOf(a);
  const lease = take();
  take();
  lease.done('ok');
  lease.done('ok');
  lease.done('failed');
  deepEqual(pool.list(), [{ url: a, ejected: false, inFlight: 1 }]);
});

test('five failures in a row eject an instance', () => {
  const { pool } = poolOf(a, b);
  fail(pool, a, 4);
  deepEqual(ejected(pool), []);
  fail(pool, a, 1);
  deepEqual(ejected(pool), [a]);
  deepEqual(chosen(pool, 50), new Set([b]));
});

test('a good call between failures starts their count anew', () => {
  const { pool, take } = poolOf(a, b);
  for (let round = 0; round < 5; round++) {
    for (let call = 0; call < 4; call++) take(b).done('failed');
    take(b).done('ok');
  }
  deepEqual(ejected(pool), []);
});

test('an ejection lasts one second, then twice as long each time, up to thirty', () => {
  const { pool, clock } = poolOf(a, b);
  fail(pool, a, 5);
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    clock.advance(seconds * 1_000 - 1);
    deepEqual(chosen(pool, 50), new Set([b]), `before ${seconds} s`);
    clock.advance(1);
    fail(pool, a, 1);
    deepEqual(ejected(pool), [a]);
  }
});

test('a clock that is set back does not make an ejection longer', () => {
  const { pool, clock, take } = poolOf(a, b);
  fail(pool, a, 5);
  deepEqual(chosen(pool, 50), new Set([b]));
  clock.advance(-300_000);
  deepEqual(chosen(pool, 50), new Set([a, b]));
  for (let trial = take(); ; trial = take()) {
    trial.done('ok');
    if (trial.url === a) break;
  }
  deepEqual(ejected(pool), []);
});

test('an instance on trial takes one call at a time, and after a good one as many as the others', () => {
  const { pool, clock, take } = poolOf(a, b);
  fail(pool, a, 5);
  clock.advance(1_000);
  const held: Lease[] = [];
  for (let call = 0; call < 20; call++) held.push(take());
  const trial = held.filter(({ url }) => url === a);
  equal(trial.length, 1);
  trial[0]?.done('ok');
  deepEqual(ejected(pool), []);
  for (let call = 0; call < 10; call++) equal(take().url, a);
});

test('the first ejection after good calls is short again', () => {
  const { pool, clock, take } = poolOf(a, b);
  fail(pool, a, 5);
  clock.advance(1_000);
  fail(pool, a, 1);
  clock.advance(2_000);
  take(b).done('ok');
  fail(pool, a, 5);
  clock.advance(1_000);
  equal(chosen(pool, 50).has(a), true);
});

test('calls from before an ejection do not make it longer', () => {
  const { pool, clock, take } = poolOf(a, b);
  const early = Array.from({ length: 20 }, () => take(b));
  for (const lease of early) lease.done('failed');
  clock.advance(1_000);
  equal(chosen(pool, 50).has(a), true);
});

test('never more than half of the instances are ejected', () => {
  const { pool } = poolOf(a, b, c, d);
  fail(pool, a, 10);
  fail(pool, b, 10);
  fail(pool, c, 10);
  deepEqual(ejected(pool), [a, b]);
  fail(pool, d, 10);
  deepEqual(ejected(pool), [a, b]);
  deepEqual(chosen(pool, 100), new Set([c, d]));
});

test('a lonely instance is used however often it fails', () => {
  const { pool } = poolOf(a);
  fail(pool, a, 50);
  deepEqual(pool.list(), [{ url: a, ejected: false, inFlight: 0 }]);
});

test('all are used when most of those that are left had been ejected', () => {
  const { pool } = poolOf(a, b, c, d);
  fail(pool, a, 5);
  fail(pool, b, 5);
  pool.replace([a, b]);
  deepEqual(ejected(pool), [a, b]);
  const urls = Array.from({ length: 50 }, () => (pool.acquire() as Lease).url);
  deepEqual(new Set(urls), new Set([a, b]));
});

test('an instance that leaves the list finishes its calls and gets no new ones', () => {
  const { pool, take } = poolOf(a, b);
  const held = take(b);
  pool.replace([b]);
  for (let call = 0; call < 20; call++) equal(take().url, b);
  held.done('failed');
  deepEqual(pool.list(), [{ url: b, ejected: false, inFlight: 20 }]);
});

test('an instance that stays in the list keeps its calls and its failures', () => {
  const { pool, take } = poolOf(a, b);
  take(b);
  fail(pool, b, 4);
  pool.replace([b, c, a]);
  equal(pool.list().find(({ url }) => url === a)?.inFlight, 1);
  fail(pool, b, 1);
  deepEqual(ejected(pool), [b]);
});

test('an instance that is left out is tried rather than the one that is to be avoided', () => {
  const { pool, take } = poolOf(a, b);
  fail(pool, a, 5);
  deepEqual(ejected(pool), [a]);
  equal(take(b).url, a);
});

test('a call that says nothing about its instance changes nothing but what is in flight', () => {
  const { clock, pool, take } = poolOf(a, b);
  fail(pool, a, 4);
  const told = (url: string, outcome: 'ok' | 'failed' | 'unknown') => {
    const leases = [take(), take()];
    for (const lease of leases) lease.done(lease.url === url ? outcome : 'unknown');
  };
  told(a, 'unknown');
  deepEqual(ejected(pool), []);
  told(a, 'failed');
  deepEqual(ejected(pool), [a]);
  clock.advance(1_001);
  // On trial: what is unknown is no good call.
  let trial = take();
  while (trial.url !== a) {
    trial.done('ok');
    trial = take();
  }
  trial.done('unknown');
  deepEqual(ejected(pool), [a]);
  deepEqual(
    pool.list().map(({ inFlight }) => inFlight),
    [0, 0],
  );
});
