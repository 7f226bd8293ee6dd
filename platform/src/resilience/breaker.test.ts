import { equal, ok, rejects } from 'node:assert/strict';
import { mock, test } from 'node:test';
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
