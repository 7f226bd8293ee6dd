import { deepEqual, equal, match, ok, partialDeepStrictEqual } from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { fault, findAppError, refusal } from '../errors/index.ts';
import { anyone, type CallPolicy, operation } from '../schema/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { createPolicies, notBegun, type OperationPolicy } from './index.ts';

const startMs = Date.parse('2026-03-01T10:00:00Z');
const broken = () => fault('service.unavailable', 'It is away.');

beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: startMs }));
afterEach(() => mock.timers.reset());

/** Lets time pass, in steps so that what a timer starts can set the next. */
async function elapse(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    await turn();
    mock.timers.tick(Math.min(10, left));
  }
  await turn();
}

function policyOf(policy: CallPolicy = {}, random = 1, level = 'info') {
  const lines: { msg: string }[] = [];
  const log = pino({ level }, { write: (line) => lines.push(JSON.parse(line)) });
  const metrics = createMetrics({ ofProcess: false });
  const policies = createPolicies({ caller: 'order', random: () => random, metrics, log });
  const getTea = operation({ method: 'GET', path: '/teas', summary: 'Teas', access: anyone, policy });
  return { policies, metrics, lines, guarded: policies.of('tea', 'getTea', getTea) };
}

/** Work that fails as often as told, and counts. */
function failing(times: number, error: () => Error = broken) {
  const seen = { calls: 0, atMs: [] as number[] };
  const work = async () => {
    seen.calls++;
    seen.atMs.push(Date.now() - startMs);
    if (seen.calls <= times) throw error();
    return 'tea';
  };
  return { seen, work };
}

const within = (ms: number, idempotent = true) => ({ deadlineMs: Date.now() + ms, idempotent });

/** The outcome of a call after some time: its value, its error's code, or that there is none yet. */
async function outcomeAfter(ms: number, call: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = 'nothing yet';
  call.then(
    (value) => {
      outcome = value;
    },
    (error: unknown) => {
      outcome = findAppError(error)?.code ?? error;
    },
  );
  await elapse(ms);
  return outcome;
}

/** Makes calls fail until the breaker opens. */
async function breakIt(guarded: OperationPolicy): Promise<void> {
  for (let call = 0; call < 5; call++) {
    await outcomeAfter(150, guarded.run(failing(9).work, within(5_000, false)));
  }
}

describe('what is tried again', () => {
  test('what may be repeated, after waits that double and are spread at random', async () => {
    const { guarded } = policyOf({ attemptsMax: 4 });
    const { seen, work } = failing(3);
    equal(await outcomeAfter(1_000, guarded.run(work, within(5_000))), 'tea');
    deepEqual(seen.atMs, [0, 100, 300, 700]);
    const early = policyOf({ attemptsMax: 4 }, 0);
    const again = failing(3);
    equal(await outcomeAfter(10, early.guarded.run(again.work, within(5_000))), 'tea');
  });

  test('three times unless told otherwise, then the last failure is thrown', async () => {
    const { seen, work } = failing(9);
    equal(await outcomeAfter(2_000, policyOf().guarded.run(work, within(5_000))), 'service.unavailable');
    equal(seen.calls, 3);
  });

  test('never what may not be repeated', async () => {
    const { seen, work } = failing(9);
    equal(await outcomeAfter(2_000, policyOf().guarded.run(work, within(5_000, false))), 'service.unavailable');
    equal(seen.calls, 1);
  });

  test('whatever nobody has begun, at once', async () => {
    const { seen, work } = failing(2, () => notBegun(fault('service.unavailable', 'Going.', { retryAfterS: 1 })));
    const { guarded } = policyOf({ attemptsMax: 1 });
    equal(await outcomeAfter(300, guarded.run(work, within(5_000, false))), 'tea');
    deepEqual(seen.atMs, [0, 0, 200]);
  });

  test('never a refusal: it is an answer', async () => {
    const { guarded } = policyOf();
    for (let call = 0; call < 10; call++) {
      const { seen, work } = failing(1, () => refusal('tea.sold-out', 'None left.'));
      equal(await outcomeAfter(100, guarded.run(work, within(5_000))), 'tea.sold-out');
      equal(seen.calls, 1);
    }
    equal(await guarded.run(failing(0).work, within(5_000)), 'tea');
  });

  test('a key whose first try is still being carried out', async () => {
    let calls = 0;
    // As long as a holder that has died keeps its key: more often than there are tries.
    const work = async () => {
      if (++calls === 1) throw broken();
      if (calls <= 5) throw refusal('idempotency.in-progress', 'Running.', { retryAfterS: 1 });
      return 'stored';
    };
    equal(await outcomeAfter(6_000, policyOf().guarded.run(work, within(9_000))), 'stored');
  });

  test('not before the time that the callee asks for', async () => {
    const { seen, work } = failing(1, () => fault('tea.away', 'Back soon.', { retryAfterS: 2 }));
    equal(await outcomeAfter(2_500, policyOf().guarded.run(work, within(5_000))), 'tea');
    deepEqual(seen.atMs, [0, 2_000]);
  });

  test('not when the deadline leaves no room', async () => {
    const { seen, work } = failing(9, () => fault('tea.away', 'Back soon.', { retryAfterS: 2 }));
    equal(await outcomeAfter(0, policyOf().guarded.run(work, within(2_000))), 'tea.away');
    equal(seen.calls, 1);
  });

  test('within a budget of a fifth of the calls and ten in ten seconds, over all operations of a service', async () => {
    const { policies, metrics } = policyOf();
    const names = Array.from({ length: 50 }, (_, at) => `op${at}`);
    const getTea = operation({ method: 'GET', path: '/teas', summary: 'Teas', access: anyone });
    const { seen, work } = failing(1_000);
    const all = Promise.allSettled(names.map((name) => policies.of('tea', name, getTea).run(work, within(9_000))));
    await elapse(1_000);
    await all;
    equal(seen.calls, 50 + 20);
    match(await metrics.text(), /stoa_client_rejections_total\{service="tea",operation="op49",reason="budget"\} 1/);
    await elapse(11_000);
    const later = failing(1);
    equal(await outcomeAfter(200, policies.of('tea', 'op0', getTea).run(later.work, within(9_000))), 'tea');
  });

  test('nothing once the process is ending', async () => {
    const { policies, guarded } = policyOf();
    policies.close();
    const { seen, work } = failing(9);
    equal(await outcomeAfter(0, guarded.run(work, within(5_000))), 'service.unavailable');
    equal(seen.calls, 1);
  });
});

describe('how long', () => {
  /** Works until it is told to stop. */
  const hanging =
    (deadlines: number[] = []) =>
    ({ signal, deadlineMs }: { signal: AbortSignal; deadlineMs: number }) =>
      new Promise<never>((_, reject) => {
        deadlines.push(deadlineMs - startMs);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });

  test('a try of what may be repeated has two fifths of the whole, so that another can follow', async () => {
    const deadlines: number[] = [];
    const call = policyOf({}, 0).guarded.run(hanging(deadlines), within(10_000));
    equal(await outcomeAfter(9_900, call), 'nothing yet');
    equal(await outcomeAfter(200, call), 'service.deadline-exceeded');
    deepEqual(deadlines, [4_000, 8_000, 10_000]);
  });

  test('what may not be repeated has all the time', async () => {
    const deadlines: number[] = [];
    const call = policyOf().guarded.run(hanging(deadlines), within(10_000, false));
    equal(await outcomeAfter(10_010, call), 'service.deadline-exceeded');
    deepEqual(deadlines, [10_000]);
  });

  test('a deadline that never comes sets no timer', async () => {
    const call = policyOf().guarded.run(hanging(), { deadlineMs: Number.POSITIVE_INFINITY, idempotent: false });
    equal(await outcomeAfter(20_000, call), 'nothing yet');
  });
});

describe('an operation that keeps failing', () => {
  test('is not called any more, which is said at once', async () => {
    const { guarded, metrics } = policyOf();
    await breakIt(guarded);
    const { seen, work } = failing(0);
    const error = await guarded.run(work, within(5_000)).then(() => undefined, findAppError);
    ok(error);
    deepEqual([error.kind, error.code, error.retryAfterS], ['fault', 'service.unavailable', 1]);
    match(error.message, /keeps failing/);
    equal(seen.calls, 0);
    match(await metrics.text(), /stoa_client_breaker_state\{service="tea",operation="getTea"\} 2/);
    match(await metrics.text(), /stoa_client_rejections_total\{service="tea",operation="getTea",reason="breaker"\} 1/);
  });

  test('is one that had the time: calls that come with hardly any left say nothing about it', async () => {
    const late = () => fault('service.deadline-exceeded', 'It took too long.');
    const { guarded } = policyOf();
    for (let call = 0; call < 30; call++) await outcomeAfter(50, guarded.run(failing(9, late).work, within(60, false)));
    const { seen, work } = failing(0);
    equal(await guarded.run(work, within(5_000)), 'tea');
    equal(seen.calls, 1);
    for (let call = 0; call < 30; call++)
      await outcomeAfter(50, guarded.run(failing(9, late).work, within(5_000, false)));
    equal(await outcomeAfter(0, guarded.run(work, within(5_000))), 'service.unavailable');
    equal(seen.calls, 1);
  });

  test('does not stop other operations of the service', async () => {
    const { policies, guarded } = policyOf();
    await breakIt(guarded);
    const other = operation({ method: 'GET', path: '/pots', summary: 'Pots', access: anyone });
    equal(await policies.of('tea', 'getPot', other).run(failing(0).work, within(5_000)), 'tea');
  });

  test('is called again when one call of those that come after a pause succeeds; the others do not wait for it', async () => {
    const { guarded } = policyOf();
    await breakIt(guarded);
    await elapse(500);
    let answer = (_: string): void => undefined;
    const probe = guarded.run(
      () =>
        new Promise<string>((resolve) => {
          answer = resolve;
        }),
      within(5_000),
    );
    const { seen, work } = failing(0);
    equal(await outcomeAfter(0, guarded.run(work, within(5_000))), 'service.unavailable');
    equal(seen.calls, 0);
    answer('back');
    equal(await probe, 'back');
    equal(await guarded.run(work, within(5_000)), 'tea');
  });

  test('pauses twice as long each time the trial fails, five seconds at the most', async () => {
    const { guarded } = policyOf();
    await breakIt(guarded);
    const pauses: number[] = [];
    for (let trial = 0; trial < 6; trial++) {
      const { seen, work } = failing(9);
      const fromMs = Date.now();
      while (seen.calls === 0) await outcomeAfter(50, guarded.run(work, within(5_000, false)));
      pauses.push(Math.round((Date.now() - fromMs) / 500) * 500);
    }
    deepEqual(pauses.slice(1), [1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test('tells the log once that it is stopped and once that it goes on', async () => {
    const { guarded, lines } = policyOf();
    await breakIt(guarded);
    await elapse(600);
    await outcomeAfter(50, guarded.run(failing(9).work, within(5_000, false)));
    await elapse(1_100);
    await outcomeAfter(50, guarded.run(failing(0).work, within(5_000, false)));
    deepEqual(
      lines.map(({ msg }) => msg),
      ['an operation keeps failing: it is not called for a moment', 'an operation answers again'],
    );
  });

  test('is not judged, while one call tries it, by calls from before', async () => {
    const { guarded } = policyOf();
    let failLate = (): void => undefined;
    const late = guarded.run(
      () =>
        new Promise<string>((_, reject) => {
          failLate = () => reject(broken());
        }),
      within(20_000, false),
    );
    await breakIt(guarded);
    await elapse(500);
    let answer = (_: string): void => undefined;
    const probe = guarded.run(() => new Promise<string>((resolve) => (answer = resolve)), within(5_000));
    failLate();
    equal(await outcomeAfter(0, late), 'service.unavailable');
    answer('back');
    equal(await probe, 'back');
    equal(await outcomeAfter(0, guarded.run(failing(0).work, within(5_000))), 'tea');
  });

  test('earns no retries for the calls of it that are not made', async () => {
    const { policies, guarded } = policyOf();
    await breakIt(guarded);
    for (let call = 0; call < 200; call++) await outcomeAfter(0, guarded.run(failing(0).work, within(5_000)));
    const other = operation({ method: 'GET', path: '/pots', summary: 'Pots', access: anyone });
    const { seen, work } = failing(1_000);
    const pots = Array.from({ length: 50 }, (_, at) => policies.of('tea', `getPot${at}`, other));
    const all = Promise.allSettled(pots.map((pot) => pot.run(work, within(5_000))));
    await elapse(2_000);
    await all;
    // A fifth of the 50 and of the five that broke it, and ten.
    equal(seen.calls, 50 + 21);
  });

  test('is told from a replica that was killed: many failures in one instant stop nothing', async () => {
    const { guarded } = policyOf();
    await Promise.all(Array.from({ length: 15 }, () => outcomeAfter(0, guarded.run(failing(9).work, within(50)))));
    equal(await guarded.run(failing(0).work, within(5_000)), 'tea');
  });

  test('is one too when more than half of many calls fail', async () => {
    const { guarded } = policyOf();
    let calls = 0;
    const mostly = async () => {
      if (++calls % 4 !== 0) throw broken();
      return 'tea';
    };
    for (let call = 0; call < 24; call++) await outcomeAfter(0, guarded.run(mostly, within(5_000, false)));
    ok(calls < 24, `all ${calls} calls were made`);
  });
});

test('more calls at a time than declared are refused at once', async () => {
  const { guarded, metrics } = policyOf({ concurrentMax: 2 });
  const ends: (() => void)[] = [];
  const work = () => new Promise<string>((resolve) => ends.push(() => resolve('tea')));
  const running = [guarded.run(work, within(5_000)), guarded.run(work, within(5_000))];
  equal(await outcomeAfter(0, guarded.run(work, within(5_000))), 'service.unavailable');
  equal(ends.length, 2);
  match(await metrics.text(), /stoa_client_rejections_total\{service="tea",operation="getTea",reason="bulkhead"\} 1/);
  for (const end of ends) end();
  deepEqual(await Promise.all(running), ['tea', 'tea']);
  equal(await guarded.run(failing(0).work, within(5_000)), 'tea');
});

test('retries are counted by why, and told to who wants to know everything', async () => {
  const { guarded, metrics, lines } = policyOf({}, 1, 'debug');
  await outcomeAfter(200, guarded.run(failing(1).work, within(5_000)));
  await outcomeAfter(200, guarded.run(failing(1, () => notBegun(broken())).work, within(5_000)));
  const text = await metrics.text();
  match(text, /stoa_client_retries_total\{service="tea",operation="getTea",reason="failed"\} 1/);
  match(text, /stoa_client_retries_total\{service="tea",operation="getTea",reason="not-begun"\} 1/);
  const told = { caller: 'order', callee: 'tea', operation: 'getTea', msg: 'a call is tried again' };
  partialDeepStrictEqual(lines, [
    { ...told, reason: 'failed' },
    { ...told, reason: 'not-begun' },
  ]);
});
