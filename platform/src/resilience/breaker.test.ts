import { equal, ok, rejects } from 'node:assert/strict';
import { mock, test } from 'node:test';
import { refusal } from '../errors/index.ts';
import { Breaker, Broken } from './breaker.ts';

test('a clock that is set back does not make a pause longer', async () => {
  let nowMs = 1_000_000_000;
  const clock = mock.method(Date, 'now', () => nowMs);
  try {
    const breaker = new Breaker(() => undefined);
    for (let call = 0; breaker.state === 'closed'; call++, nowMs += 200) {
      ok(call < 100);
      await rejects(breaker.run(() => Promise.reject(new Error('away'))));
    }
    ok(breaker.waitMs > 0);
    await rejects(
      breaker.run(async () => 'tea'),
      Broken,
    );
    nowMs -= 300_000;
    equal(breaker.waitMs, 0);
    equal(await breaker.run(async () => 'tea'), 'tea');
    equal(breaker.state, 'closed');
  } finally {
    clock.mock.restore();
  }
});

test('failures that lie far apart, with answers that say no between them, are no row', async () => {
  let nowMs = 1_000_000;
  const clock = mock.method(Date, 'now', () => nowMs);
  try {
    const breaker = new Breaker(() => undefined);
    const fails = () => breaker.run(() => Promise.reject(new Error('away')));
    const saysNo = () => breaker.run(() => Promise.reject(refusal('request.not-found', 'There is none.')));
    for (let hour = 0; hour < 10; hour++, nowMs += 3_600_000) {
      await rejects(fails(), /away/);
      await rejects(saysNo(), /There is none/);
    }
    equal(breaker.state, 'closed');
    for (let call = 0; call < 5; call++, nowMs += 200) await rejects(fails(), /away/);
    equal(breaker.state, 'open');
  } finally {
    clock.mock.restore();
  }
});
