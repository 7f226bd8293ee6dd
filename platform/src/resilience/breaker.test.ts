import { equal, ok, rejects } from 'node:assert/strict';
import { mock, test } from 'node:test';
import { refusal } from '../errors/index.ts';
import { Breaker, Broken } from './breaker.ts';

test('a call that comes when the pause is over by one look at the clock and not by the next is refused as all others', async () => {
  let nowMs = 1_000_000;
  let passesMs = 1;
  const clock = mock.method(Date, 'now', () => (nowMs += passesMs));
  try {
    const breaker = new Breaker(() => undefined);
    const fails = () => {
      nowMs += 200;
      return Promise.reject(new Error('away'));
    };
    for (let call = 0; breaker.state === 'closed'; call++) {
      ok(call < 100);
      await rejects(breaker.run(fails));
    }
    passesMs = 0;
    while (breaker.waitMs > 0) nowMs += 1;
    await rejects(
      breaker.run(async () => 'tea'),
      Broken,
    );
    nowMs += 1;
    equal(await breaker.run(async () => 'tea'), 'tea');
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
