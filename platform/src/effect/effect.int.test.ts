import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { newId } from '../ids/index.ts';
import { isBusy } from '../lifecycle/index.ts';
import type { Service } from '../service/index.ts';
import { Database, migrate, readMigrations, type Tx } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { defineEffect, type Effect, type EffectDefinition, EffectRunner } from './index.ts';

const log = pino({ level: 'silent' });
const cause = { correlationId: 'test' };
type Charge = Effect<{ amount: number }>;

describe('an effect outside', () => {
  let server: TestDatabase;
  let db: Database;
  const runners: EffectRunner[] = [];

  before(async () => {
    server = await testDatabase('effect');
    db = new Database({ url: server.url, name: 'test', connectionsMax: 10 });
    await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
    await db.query('create table ended (id text, how text, attempt int)');
  });
  beforeEach(async () => {
    await db.query('truncate kit.effect, ended');
  });
  afterEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  });
  after(async () => {
    await db.close();
    await server.drop();
  });

  /** A process that performs charges in this way. */
  function openProcess(
    perform: (effect: Charge, signal: AbortSignal) => Promise<string>,
    options: Partial<EffectDefinition<{ amount: number }, string, unknown>> = {},
    database = db,
  ): EffectRunner {
    const charge = defineEffect<{ amount: number }, string, unknown>({
      name: 'charge',
      concurrency: 4,
      timeoutMs: 500,
      attemptsMax: 3,
      retryDelayMs: 20,
      perform: (effect, _deps, signal) => perform(effect, signal),
      async complete(done, tx) {
        for (const { effect, result } of done)
          await tx.query('insert into ended values ($1, $2, $3)', [effect.id, result, effect.attempt]);
      },
      async giveUp(effect, reason, tx) {
        await tx.query('insert into ended values ($1, $2, $3)', [effect.id, `given up: ${reason}`, effect.attempt]);
      },
      ...options,
    });
    const runner = new EffectRunner({
      db: database,
      definitions: [charge] as never[],
      service: () => ({ db, log }) as Service<never>,
      log,
    });
    runner.start();
    runners.push(runner);
    return runner;
  }

  const ask = (runner: EffectRunner, id: string, delayMs?: number) =>
    db.transaction(async (tx) =>
      runner.request(tx, { effect: 'charge', id, payload: { amount: 5 }, cause, ...(delayMs && { delayMs }) }),
    );
  const ended = () =>
    db.query<{ id: string; how: string; attempt: number }>('select id, how, attempt from ended order by id', []);
  const open = () => db.query<{ id: string; attempts: number }>('select id, attempts from kit.effect', []);

  async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
    for (const deadlineMs = performance.now() + 20_000; !(await holds()); await sleep(10)) {
      assert.ok(performance.now() < deadlineMs, 'it did not come to pass within 20 s');
    }
  }
  const allEnded = () => until(async () => (await open()).length === 0);

  it('is performed after the commit that asks for it, and ended with its result', async () => {
    const seen: unknown[] = [];
    const runner = openProcess(async ({ id, payload, attempt }) => {
      seen.push([id, payload, attempt, (await open()).length]);
      return 'paid';
    });
    await ask(runner, 'a');
    await allEnded();
    assert.deepEqual(seen, [['a', { amount: 5 }, 1, 1]]);
    assert.deepEqual(await ended(), [{ id: 'a', how: 'paid', attempt: 1 }]);
  });

  it('is not performed when the transaction that asks for it is rolled back', async () => {
    let performed = 0;
    const runner = openProcess(async () => String(performed++));
    await assert.rejects(
      db.transaction(async (tx) => {
        runner.request(tx, { effect: 'charge', id: 'a', payload: { amount: 5 }, cause });
        throw new Error('changed my mind');
      }),
    );
    await ask(runner, 'b');
    await allEnded();
    assert.equal(performed, 1);
  });

  it('is done once when it is asked for twice under one id', async () => {
    let performed = 0;
    const runner = openProcess(async () => {
      performed++;
      await sleep(50);
      return 'paid';
    });
    await Promise.all([ask(runner, 'a'), ask(runner, 'a'), ask(runner, 'a')]);
    await allEnded();
    assert.deepEqual([performed, (await ended()).length], [1, 1]);
  });

  it('is done once when one transaction asks for it twice', async () => {
    let performed = 0;
    const runner = openProcess(async () => String(++performed));
    await db.transaction(async (tx) => {
      for (const _ of [1, 2]) runner.request(tx, { effect: 'charge', id: 'a', payload: { amount: 5 }, cause });
    });
    await ask(runner, 'b');
    await allEnded();
    assert.equal(performed, 2);
  });

  it('is not performed by a process that stood still between asking for it and reading the answer', async () => {
    const by: string[] = [];
    const taken = Promise.withResolvers<void>();
    const goesOn = Promise.withResolvers<void>();
    const still = new Proxy(db, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name !== 'transaction') return typeof value === 'function' ? value.bind(target) : value;
        return async (work: (tx: Tx) => Promise<unknown>) => {
          const result = await target.transaction(work);
          if (Array.isArray(result) && result.length > 0) {
            taken.resolve();
            await goesOn.promise;
          }
          return result;
        };
      },
    });
    const performs = (name: string) => async () => {
      by.push(name);
      return name;
    };
    const one = openProcess(performs('one'), { background: true }, still);
    await ask(one, 'a');
    await taken.promise;
    openProcess(performs('other'), { background: true });
    await allEnded();
    goesOn.resolve();
    // A turn, in which it would begin.
    await new Promise((resolve) => setImmediate(resolve));
    await one.stop();
    assert.deepEqual(by, ['other']);
  });

  it('is tried again after a failure, which it can tell, until it goes through', async () => {
    const attempts: number[] = [];
    const runner = openProcess(async ({ attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new Error('no answer');
      return 'paid';
    });
    await ask(runner, 'a');
    await allEnded();
    assert.deepEqual(attempts, [1, 2, 3]);
    assert.deepEqual(await ended(), [{ id: 'a', how: 'paid', attempt: 3 }]);
  });

  it('is given up after its tries, once, with the reason', async () => {
    const runner = openProcess(async () => {
      throw new Error('nobody there');
    });
    await ask(runner, 'a');
    await allEnded();
    assert.deepEqual(await ended(), [{ id: 'a', how: 'given up: nobody there', attempt: 3 }]);
  });

  it('is not begun before its delay is over', async () => {
    const askedMs = performance.now();
    let begunMs = 0;
    const runner = openProcess(async () => {
      begunMs = performance.now();
      return 'paid';
    });
    await ask(runner, 'a', 700);
    await allEnded();
    assert.ok(begunMs - askedMs >= 690, `begun after ${begunMs - askedMs} ms`);
  });

  it('is told when its time is over', async () => {
    const runner = openProcess(
      ({ attempt }, signal) =>
        attempt > 1
          ? Promise.resolve('paid')
          : new Promise((_, reject) =>
              signal.addEventListener('abort', () => reject(new Error('too slow')), { once: true }),
            ),
      { timeoutMs: 100 },
    );
    await ask(runner, 'a');
    await allEnded();
    assert.deepEqual(await ended(), [{ id: 'a', how: 'paid', attempt: 2 }]);
  });

  it('runs with no more others than its kind allows', async () => {
    let atOnce = 0;
    let most = 0;
    const runner = openProcess(async () => {
      most = Math.max(most, ++atOnce);
      await sleep(10);
      atOnce--;
      return 'paid';
    });
    await db.transaction(async (tx) => {
      for (let n = 0; n < 30; n++) runner.request(tx, { effect: 'charge', id: `e${n}`, payload: { amount: n }, cause });
    });
    await allEnded();
    assert.deepEqual([most, (await ended()).length], [4, 30]);
  });

  it('commits the results that have come back together, and each alone when one of them cannot be', async () => {
    const batches: number[] = [];
    const runner = openProcess(async () => 'paid', {
      concurrency: 20,
      async complete(done, tx) {
        batches.push(done.length);
        for (const { effect } of done) {
          await tx.query('insert into ended values ($1, $2, $3)', [effect.id, 'paid', effect.attempt]);
          if (effect.id === 'bad' && effect.attempt === 1) throw new Error('cannot be booked');
        }
      },
    });
    await db.transaction(async (tx) => {
      for (const id of ['a', 'b', 'bad', 'c'])
        runner.request(tx, { effect: 'charge', id, payload: { amount: 1 }, cause });
    });
    await allEnded();
    assert.equal(batches[0], 4);
    assert.deepEqual(
      (await ended()).map(({ id, attempt }) => [id, attempt]),
      [
        ['a', 1],
        ['b', 1],
        ['bad', 2],
        ['c', 1],
      ],
    );
  });

  it('counts once when a slow process answers after another has taken it over', async () => {
    let slowAnswers = (): void => undefined;
    let otherAnswers = (): void => undefined;
    const slow = openProcess(
      () =>
        new Promise((resolve) => {
          slowAnswers = () => resolve('paid by the slow one');
        }),
      { concurrency: 1, timeoutMs: 5_000 },
    );
    await ask(slow, 'a');
    await until(async () => (await open())[0]?.attempts === 1);
    // Its time is over: it comes due.
    await db.query(`update kit.effect set due_at = now()`);
    openProcess(
      () =>
        new Promise((resolve) => {
          otherAnswers = () => resolve('paid by the other');
        }),
      { timeoutMs: 5_000 },
    );
    await until(async () => (await open())[0]?.attempts === 2);
    slowAnswers();
    await sleep(100);
    const early = await ended();
    otherAnswers();
    assert.deepEqual(early, [], 'it has been taken over, so the late answer is not the one that counts');
    await allEnded();
    assert.deepEqual(await ended(), [{ id: 'a', how: 'paid by the other', attempt: 2 }]);
  });

  it('that is asked for again is not ended by the late answer to the first asking', async () => {
    const answers = new Map<string, (how: string) => void>();
    const performs = (name: string) => () =>
      new Promise<string>((resolve) => {
        answers.set(name, resolve);
      });
    const answer = async (name: string) => {
      await until(() => answers.has(name));
      answers.get(name)?.(`paid by the ${name}`);
      answers.delete(name);
    };
    const slow = openProcess(performs('slow one'), { timeoutMs: 5_000 });
    await ask(slow, 'a');
    await until(() => answers.has('slow one'));
    await db.query(`update kit.effect set due_at = now()`);
    const other = openProcess(performs('other'), { timeoutMs: 5_000 });
    await answer('other');
    await allEnded();
    await ask(other, 'a');
    await until(() => answers.has('other'));
    await answer('slow one');
    await slow.stop();
    assert.deepEqual([(await open()).length, (await ended()).map(({ how }) => how)], [1, ['paid by the other']]);
    await answer('other');
    await allEnded();
    assert.equal((await ended()).length, 2);
  });

  it('that takes longer than it should is not begun anew while its process lives', async () => {
    let begun = 0;
    const answers = Promise.withResolvers<string>();
    const perform = () => {
      begun++;
      return answers.promise;
    };
    const one = openProcess(perform, { timeoutMs: 50 });
    openProcess(perform, { timeoutMs: 50 });
    await ask(one, 'a');
    const dueAt = new Set<string>();
    // Held three times, it has outlived the first hold, after which it would have come due.
    await until(async () => {
      const [row] = await db.query<{ due_at: string }>('select due_at from kit.effect', []);
      if (row) dueAt.add(row.due_at);
      return dueAt.size > 3;
    });
    answers.resolve('sent at last');
    await allEnded();
    assert.equal(begun, 1);
    assert.deepEqual(await ended(), [{ id: 'a', how: 'sent at last', attempt: 1 }]);
  });

  it('whose result could not be committed because its connection broke is not performed again: the result waits', async () => {
    let begun = 0;
    let broken = 0;
    const runner = openProcess(async () => `paid ${++begun}`, {
      async complete(done, tx) {
        if (broken++ === 0) await tx.query('select pg_terminate_backend(pg_backend_pid())', []);
        for (const { effect, result } of done)
          await tx.query('insert into ended values ($1, $2, $3)', [effect.id, result, effect.attempt]);
      },
    });
    await ask(runner, 'a');
    await allEnded();
    assert.deepEqual(await ended(), [{ id: 'a', how: 'paid 1', attempt: 1 }]);
    assert.deepEqual([begun, broken], [1, 2]);
  });

  it('whose result waits for the commit of another is not begun anew, here or in another process', async () => {
    const begun: string[] = [];
    const perform = async ({ id }: Charge) => {
      begun.push(id);
      // The other comes back while this one is being committed.
      if (id === 'b') await until(() => committing);
      return 'paid';
    };
    let committing = false;
    const options: Partial<EffectDefinition<{ amount: number }, string, unknown>> = {
      timeoutMs: 50,
      async complete(done, tx) {
        committing = true;
        // Longer than an effect that nobody holds is waited for.
        if (done.some(({ effect }) => effect.id === 'a')) await tx.query('select pg_sleep(4)', []);
        for (const { effect, result } of done)
          await tx.query('insert into ended values ($1, $2, $3)', [effect.id, result, effect.attempt]);
      },
    };
    const [runner] = [openProcess(perform, options), openProcess(perform, options)];
    await Promise.all([ask(runner, 'a'), ask(runner, 'b')]);
    await allEnded();
    assert.deepEqual(begun.toSorted(), ['a', 'b']);
    assert.deepEqual(await ended(), [
      { id: 'a', how: 'paid', attempt: 1 },
      { id: 'b', how: 'paid', attempt: 1 },
    ]);
  });

  it('is taken by one of two processes at a time', async () => {
    const performed: string[] = [];
    const perform = async ({ id }: Charge) => {
      performed.push(id);
      return 'paid';
    };
    const [one] = [openProcess(perform), openProcess(perform)];
    const ids = Array.from({ length: 60 }, newId);
    await db.transaction(async (tx) => {
      for (const id of ids)
        (one as EffectRunner).request(tx, { effect: 'charge', id, payload: { amount: 1 }, cause, delayMs: 1 });
    });
    await allEnded();
    assert.deepEqual(performed.sort(), ids.sort());
  });

  it('of which a process died before it could record the result is performed again, as a second try', async () => {
    const runner = openProcess(async ({ attempt }) => `paid at try ${attempt}`);
    // As a process leaves it that was killed after the first try: taken, counted, and due when the try must have ended.
    await db.query(
      `insert into kit.effect (id, effect, payload, cause, epoch, attempts, due_at) values ('a', 'charge', '{"amount": 5}', '{"correlationId": "x"}', 1, 1, now())`,
    );
    await allEnded();
    void runner;
    assert.deepEqual(await ended(), [{ id: 'a', how: 'paid at try 2', attempt: 2 }]);
  });

  it('leaves what it was doing to the next process when it stops', async () => {
    let begun = 0;
    const first = openProcess(
      async () => {
        begun++;
        await sleep(100);
        return 'paid';
      },
      { concurrency: 1 },
    );
    await Promise.all([ask(first, 'a'), ask(first, 'b')]);
    await until(() => begun > 0);
    await first.stop();
    assert.equal((await ended()).length, 1);
    assert.equal((await open()).length, 1);
    await db.query(`update kit.effect set due_at = now()`);
    openProcess(async () => 'paid later');
    await allEnded();
    assert.equal((await ended()).length, 2);
  });

  it('waits in the background while the machine is busy, but not for ever', async () => {
    const readFile = fs.readFile;
    let spentMs = 0;
    const machine = mock.method(fs, 'readFile', async (...args: Parameters<typeof readFile>) => {
      if (args[0] !== '/proc/stat') return readFile(...args);
      spentMs += 100;
      return `cpu  ${spentMs} 0 0 0 0 0 0 0 0 0\n`;
    });
    let letGo = () => {};
    try {
      await until(() => isBusy());
      let begun = 0;
      const held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const runner = openProcess(
        async () => {
          begun++;
          await held;
          return 'sent';
        },
        { background: true, concurrency: 20, timeoutMs: 60_000 },
      );
      await Promise.all(Array.from({ length: 40 }, (_, at) => ask(runner, `mail ${at}`)));
      await until(() => begun >= 2);
      assert.equal(begun, 2);
      await db.query(`update kit.effect set due_at = due_at - interval '61 seconds' where attempts = 0`);
      letGo();
      await until(() => begun > 4);
      assert.equal(begun, 2 + 2 + 20);
      await allEnded();
      assert.equal((await ended()).length, 40);
    } finally {
      machine.mock.restore();
      letGo();
    }
  });
});
