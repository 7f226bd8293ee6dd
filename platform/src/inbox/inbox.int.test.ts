import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { fault } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import type { Message, StepAddress } from '../schema/index.ts';
import { Database, migrate, readMigrations, type Tx } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { Inbox, listDeadLetters, redrive, skip, tendMarks } from './index.ts';
import { claimDue, nextDue } from './statements.ts';

const log = pino({ level: 'silent' });
const dayMs = 86_400_000;

function message(key: string, what: string, type = 'thing.told.v1'): Message<{ what: string }> {
  return {
    id: newId(),
    type,
    key,
    payload: { what },
    occurredAt: new Date().toISOString(),
    cause: { correlationId: 'test' },
  };
}

function nested(levels: number): unknown {
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}

describe('the inbox', () => {
  let server: TestDatabase;
  let db: Database;
  const open: Inbox[] = [];
  /** Messages that fail whenever they are handled. */
  const poison = new Set<string>();
  /** What was tried, in order. */
  let tried: string[] = [];

  before(async () => {
    server = await testDatabase('inbox');
    db = new Database({ url: server.url, name: 'test' });
    await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
    await db.query('create table effect (seq bigint generated always as identity, id uuid, key text, what text)');
  });
  beforeEach(async () => {
    poison.clear();
    tried = [];
    await db.query('truncate kit.inbox, effect');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((inbox) => inbox.stop()));
  });
  after(async () => {
    await db.close();
    await server.drop();
  });

  async function handle(messages: readonly Message[], tx: Tx): Promise<void> {
    for (const { id, key, payload } of messages) {
      const { what } = payload as { what: string };
      tried.push(what);
      await tx.query('insert into effect (id, key, what) values ($1, $2, $3)', [id, key, what]);
      if (poison.has(what)) throw new Error(`${what} is poison`);
    }
  }

  async function start(
    options: { knows?: (type: string) => boolean; handle?: typeof handle; attemptsMax?: number } = {},
  ): Promise<Inbox> {
    const inbox = new Inbox({ db, log, knows: () => true, handle, ...options });
    open.push(inbox);
    await inbox.start();
    return inbox;
  }

  const effects = async (): Promise<string[]> =>
    (await db.query<{ what: string }>('select what from effect order by seq', [])).map(({ what }) => what);
  const kept = () =>
    db.query<{ what: string; status: string; attempts: number; reason: string | null }>(
      `select body->'payload'->>'what' as what, status, attempts, reason from kit.inbox order by seq`,
      [],
    );

  async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
    for (const deadlineMs = performance.now() + 20_000; !(await holds()); await sleep(10)) {
      assert.ok(performance.now() < deadlineMs, 'it did not come to pass within 20 s');
    }
  }

  it('carries a message out once, however often and wherever it is delivered at once', async () => {
    const [one, other] = [await start(), await start()];
    const messages = Array.from({ length: 20 }, (_, at) => message(`key-${at}`, `m${at}`));
    await Promise.all(Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? one : other).accept(messages)));
    await one.accept(messages);
    assert.deepEqual((await effects()).sort(), messages.map(({ payload }) => payload.what).sort());
    assert.deepEqual(await kept(), []);
  });

  it('keeps the order of each key', async () => {
    const inbox = await start();
    const messages = Array.from({ length: 300 }, (_, at) => message(`key-${at % 7}`, String(at)));
    await Promise.all([inbox.accept(messages.slice(0, 150)), inbox.accept(messages.slice(150))]);
    const seen = await db.query<{ key: string; what: string }>('select key, what from effect order by seq', []);
    for (const [key, rows] of Map.groupBy(seen, (row) => row.key)) {
      const numbers = rows.map(({ what }) => Number(what));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
        key,
      );
    }
    assert.equal(seen.length, 300);
  });

  it('handles a batch around the one message that is poison, whose effect is not kept', async () => {
    poison.add('bad');
    const inbox = await start({ attemptsMax: 100 });
    await inbox.accept([message('a', 'before'), message('b', 'bad'), message('c', 'after'), message('d', 'last')]);
    assert.deepEqual((await effects()).sort(), ['after', 'before', 'last']);
    const [waiting, ...others] = await kept();
    assert.deepEqual([waiting?.what, waiting?.status, others.length], ['bad', 'waiting', 0]);
    assert.equal(waiting?.reason, 'bad is poison');
  });

  it('tries again until it goes through, with what is behind it of its key in order', async () => {
    poison.add('first');
    const inbox = await start();
    await inbox.accept([message('a', 'first'), message('a', 'second'), message('b', 'other')]);
    await inbox.accept([message('a', 'third')]);
    await until(() => tried.filter((what) => what === 'first').length >= 3);
    assert.deepEqual(await effects(), ['other']);
    poison.clear();
    await until(async () => (await kept()).length === 0);
    assert.deepEqual(await effects(), ['other', 'first', 'second', 'third']);
  });

  it('calls a message dead after its tries; it holds back its own key and no other', async () => {
    poison.add('bad');
    const inbox = await start({ attemptsMax: 2 });
    await inbox.accept([message('a', 'bad'), message('a', 'behind')]);
    await until(async () => (await kept())[0]?.status === 'dead');
    await inbox.accept([message('b', 'other'), message('a', 'further behind')]);
    inbox.look();
    await until(async () => (await effects()).length === 1);
    assert.deepEqual(await effects(), ['other']);
    assert.deepEqual(
      (await kept()).map(({ what, status }) => [what, status]),
      [
        ['bad', 'dead'],
        ['behind', 'waiting'],
        ['further behind', 'waiting'],
      ],
    );
    assert.equal(tried.filter((what) => what === 'bad').length, 2);
    const [letter] = await listDeadLetters(db, { limit: 10, afterSeq: 0 });
    assert.deepEqual([letter?.key, letter?.attempts, letter?.reason], ['a', 2, 'bad is poison']);
  });

  it('gives a dead command up when its step is undone, and lets nothing else pass it', async () => {
    const inbox = await start({ attemptsMax: 1 });
    const saga = newId();
    const ask = (key: string, what: string, step: Pick<StepAddress, 'saga' | 'step' | 'mode'>): Message => ({
      ...message(key, what),
      step: { replyTo: 'order', ...step },
    });
    const pay = { saga, step: 'pay' };
    for (const key of ['held', 'undone']) {
      poison.add(`do ${key}`);
      await inbox.accept([ask(key, `do ${key}`, { ...pay, mode: 'do' })]);
    }
    await until(async () => (await kept()).filter(({ status }) => status === 'dead').length === 2);
    await inbox.accept([ask('held', 'undo of another step', { saga, step: 'ship', mode: 'undo' })]);
    await inbox.accept([ask('held', 'undo of another saga', { ...pay, saga: newId(), mode: 'undo' })]);
    await inbox.accept([ask('held', 'undo behind others', { ...pay, mode: 'undo' })]);
    await inbox.accept([ask('undone', 'do again', { ...pay, mode: 'do' })]);
    await inbox.accept([message('undone', 'told')]);
    await inbox.accept([ask('undone', 'too late', { ...pay, mode: 'undo' })]);
    // Due after the others, so that it tells when they have been looked at.
    await inbox.accept([{ ...message('last', 'last'), delayMs: 1 }]);
    await until(async () => (await effects()).includes('last'));
    assert.deepEqual(await effects(), ['last']);
    await db.query(`delete from kit.inbox where body #>> '{payload,what}' = 'told'`);
    inbox.look();
    await until(async () => (await effects()).length === 3);
    assert.deepEqual(await effects(), ['last', 'too late', 'do again']);
    assert.deepEqual(
      (await kept()).map(({ what, status }) => [what, status]),
      [
        ['do held', 'dead'],
        ['undo of another step', 'waiting'],
        ['undo of another saga', 'waiting'],
        ['undo behind others', 'waiting'],
      ],
    );
  });

  it('looks for what holds a row back along the index, however many are held back', async () => {
    await db.query(
      `insert into kit.inbox (id, type, key, body, status)
      select gen_random_uuid(), 'thing.told.v1', case when n > 100 then 'hot' else 'cold ' || n end, '{}', case when n <= 101 then 'dead' else 'waiting' end from generate_series(1, 2000) n`,
    );
    await db.query('analyze kit.inbox');
    for (const [statement, values] of [
      [claimDue, [500, null, []]],
      [nextDue, [[]]],
    ] as const) {
      const plan = await db.query<{ 'QUERY PLAN': string }>(`explain ${statement}`, [...values]);
      const text = plan.map((row) => row['QUERY PLAN']).join('\n');
      assert.doesNotMatch(text, /Anti Join/);
      assert.match(text, /Index (Only )?Scan using \w+ on inbox lower/);
    }
  });

  it('takes a dead message up again when it is redriven, once, with those behind it after it', async () => {
    poison.add('bad');
    const inbox = await start({ attemptsMax: 1 });
    const bad = message('a', 'bad');
    await inbox.accept([bad, message('a', 'behind')]);
    await until(async () => (await kept())[0]?.status === 'dead');
    poison.clear();
    assert.equal(await redrive(db, [newId()]), 0);
    assert.equal(await redrive(db, [bad.id]), 1);
    assert.equal(await redrive(db, 'all'), 0);
    inbox.look();
    await until(async () => (await kept()).length === 0);
    await inbox.accept([bad]);
    assert.deepEqual(await effects(), ['bad', 'behind']);
  });

  it('goes on behind a message that is skipped, which never takes effect, even when delivered again', async () => {
    poison.add('bad');
    const inbox = await start({ attemptsMax: 1 });
    const bad = message('a', 'bad');
    await inbox.accept([bad, message('a', 'behind')]);
    await until(async () => (await kept())[0]?.status === 'dead');
    poison.clear();
    assert.deepEqual(
      (await skip(db, [bad.id])).map(({ id }) => id),
      [bad.id],
    );
    inbox.look();
    await until(async () => (await kept()).length === 0);
    await inbox.accept([bad]);
    assert.deepEqual(await effects(), ['behind']);
  });

  for (const [what, spoil] of [
    ['nested too deep', (good: Message) => ({ ...good, payload: { what: 'bad', deep: nested(5_000) } })],
    ['of a key too long for an index', (good: Message) => ({ ...good, key: randomBytes(3_000).toString('hex') })],
    ['with a text that no database takes', (good: Message) => ({ ...good, payload: { what: 'bad', note: 'a\0b' } })],
  ] as const) {
    it(`keeps a message ${what} as dead when it fails, instead of refusing it for ever`, async () => {
      poison.add('bad');
      const inbox = await start();
      await inbox.accept([message('a', 'before'), spoil(message('b', 'bad')), message('c', 'after')]);
      assert.deepEqual((await effects()).sort(), ['after', 'before']);
      const [letter] = await listDeadLetters(db, { limit: 10, afterSeq: 0 });
      assert.deepEqual([letter?.status, letter?.type], ['dead', 'undecodable']);
      assert.ok(letter?.reason);
    });
  }

  it('parks what it does not know until a program that does starts, and holds back its key meanwhile', async () => {
    const old = await start({ knows: (type) => type === 'thing.told.v1' });
    await old.accept([message('a', 'new', 'thing.told.v2'), message('a', 'behind'), message('b', 'other')]);
    assert.deepEqual(await effects(), ['other']);
    assert.deepEqual(
      (await kept()).map(({ what, status }) => [what, status]),
      [
        ['new', 'parked'],
        ['behind', 'waiting'],
      ],
    );
    await old.stop();
    await start();
    await until(async () => (await kept()).length === 0);
    assert.deepEqual(await effects(), ['other', 'new', 'behind']);
  });

  it('hands what it does not know to a newer program that has been running beside it', async () => {
    await start();
    const old = await start({ knows: (type) => type === 'thing.told.v1' });
    await old.accept([message('a', 'new', 'thing.told.v2'), message('a', 'behind')]);
    await until(async () => (await kept()).length === 0);
    assert.deepEqual(await effects(), ['new', 'behind']);
  });

  it('leaves a message that waits to a newer program, and goes on with those it knows', async () => {
    poison.add('new');
    const newer = await start();
    await newer.accept([message('a', 'new', 'thing.told.v2')]);
    await newer.stop();
    const old = await start({ knows: (type) => type === 'thing.told.v1' });
    poison.add('known');
    await old.accept([message('b', 'known')]);
    poison.clear();
    await until(async () => (await effects()).length === 1);
    const [left] = await kept();
    assert.deepEqual([left?.what, left?.status, left?.attempts], ['new', 'waiting', 1]);
    await start();
    await until(async () => (await kept()).length === 0);
    assert.deepEqual(await effects(), ['known', 'new']);
  });

  it('loses nothing and keeps the order when its connection is cut in the middle', async () => {
    let cuts = 0;
    const inbox = await start({
      handle: async (messages, tx) => {
        if (cuts++ === 0) {
          const [own] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid', []);
          await db.query('select pg_terminate_backend($1)', [own?.pid]);
        }
        await handle(messages, tx);
      },
    });
    const messages = [message('a', '1'), message('a', '2'), message('a', '3')];
    let refused = 0;
    // As a relay does: a delivery that failed is delivered again as a whole.
    while (
      !(await inbox.accept(messages).then(
        () => true,
        () => false,
      ))
    )
      refused++;
    assert.equal(refused, 1);
    assert.deepEqual(await effects(), ['1', '2', '3']);
  });

  it('counts a failure to reach another service as one of the message, and not as its database being away', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    const inbox = await start({
      handle: async () => {
        throw fault('service.unavailable', 'tea cannot be reached.', { cause: refused });
      },
    });
    await inbox.accept([message('a', 'asks')]);
    const [waiting] = await kept();
    assert.deepEqual([waiting?.what, waiting?.status], ['asks', 'waiting']);
    assert.match(waiting?.reason ?? '', /tea cannot be reached/);
  });

  it('counts a file that is not there as a failure of the message, though a database may be away with the same code', async () => {
    const inbox = await start({
      handle: async (messages) => {
        if (messages.some(({ key }) => key === 'a')) await readFile(join(tmpdir(), newId()));
      },
    });
    await inbox.accept([message('a', 'reads'), message('b', 'goes on')]);
    const [waiting, ...others] = await kept();
    assert.deepEqual([waiting?.what, waiting?.status, others], ['reads', 'waiting', []]);
    assert.match(waiting?.reason ?? '', /ENOENT/);
  });

  it('counts a statement that takes too long when the database answers others', async () => {
    const impatient = new Database({ url: server.url, name: 'test', silenceMsMax: 1_000 });
    const inbox = new Inbox({
      db: impatient,
      log,
      knows: () => true,
      handle: async (_, tx) => void (await tx.query('select pg_sleep(30)', [])),
    });
    try {
      await inbox.accept([message('a', 'slow')]);
      const [waiting] = await kept();
      assert.deepEqual([waiting?.what, waiting?.status], ['slow', 'waiting']);
    } finally {
      await inbox.stop();
      await impatient.close();
    }
  });

  it('takes no more while ten thousand wait, because its database does not answer', async () => {
    const hold = Promise.withResolvers<void>();
    const inbox = await start({
      handle: async (_, tx) => {
        // Held for as long as the test takes, on however slow a machine.
        await tx.query('set local idle_in_transaction_session_timeout = 0');
        await hold.promise;
      },
    });
    const delivery = (from: number) =>
      Array.from({ length: 1_000 }, (_, at) => message(`key-${from + at}`, String(from + at)));
    const taken = Array.from({ length: 11 }, (_, at) => inbox.accept(delivery(at * 1_000)));
    await assert.rejects(inbox.accept(delivery(11_000)), /too much waits/);
    hold.resolve();
    await Promise.all(taken);
    await inbox.accept(delivery(11_000));
  });

  it('stops after the batch that it is at, whatever else is due', async () => {
    const first = await start({ knows: () => false });
    await first.accept(Array.from({ length: 1_200 }, (_, at) => message(`key-${at}`, String(at))));
    await first.stop();
    let stopped: Promise<void> | undefined;
    const inbox: Inbox = await start({
      handle: async (messages, tx) => {
        stopped ??= inbox.stop();
        await handle(messages.slice(0, 1), tx);
      },
    });
    await until(() => stopped !== undefined);
    await stopped;
    assert.equal((await effects()).length, 1);
    assert.equal((await kept()).length, 700);
  });

  it('refuses deliveries once it is closed, and a later one works off what was left', async () => {
    poison.add('bad');
    const first = await start();
    await first.accept([message('a', 'bad'), message('a', 'behind')]);
    await first.stop();
    await assert.rejects(first.accept([message('b', 'late')]), /closed/);
    poison.clear();
    await start();
    await until(async () => (await kept()).length === 0);
    assert.deepEqual(await effects(), ['bad', 'behind']);
  });

  it('works off what was kept once, in order, by two processes side by side', async () => {
    const first = await start({ knows: () => false });
    const messages = Array.from({ length: 200 }, (_, at) => message(`key-${at % 20}`, String(at)));
    await first.accept(messages);
    await first.stop();
    await Promise.all([start(), start()]);
    await until(async () => (await kept()).length === 0);
    const seen = await db.query<{ key: string; what: string }>('select key, what from effect order by seq', []);
    assert.equal(seen.length, 200);
    for (const rows of Map.groupBy(seen, (row) => row.key).values()) {
      const numbers = rows.map(({ what }) => Number(what));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
    }
  });

  it('handles a delayed message only when its time has come, and what is behind it of its key after it', async () => {
    const inbox = await start();
    await inbox.accept([{ ...message('a', 'delayed'), delayMs: 400 }, message('a', 'behind'), message('b', 'other')]);
    const dueInMs = async () =>
      (
        await db.query<{ ms: number }>(
          'select extract(epoch from due_at - clock_timestamp())::float8 * 1000 as ms from kit.inbox order by seq',
          [],
        )
      )[0]?.ms ?? 0;
    assert.deepEqual(await effects(), ['other']);
    assert.ok((await dueInMs()) > 0, 'it waits by the clock of the database');
    await until(async () => (await kept()).length === 0);
    assert.deepEqual(await effects(), ['other', 'delayed', 'behind']);
  });

  it('keeps marks for thirty days and has room for those of the coming week', async () => {
    const partitions = async () =>
      (
        await db.query<{ name: string }>(
          `select relname as name from pg_class where relname like 'mark\\_2%' order by 1`,
          [],
        )
      ).map(({ name }) => name);
    await tendMarks(db);
    const made = await partitions();
    await tendMarks(db);
    assert.deepEqual(await partitions(), made);
    assert.ok(made.length >= 7);
    const old = message('old', 'old');
    await db.query('insert into kit.mark (id) values ($1)', [old.id]);
    await tendMarks(db, 29 * dayMs);
    assert.equal((await db.query('select from kit.mark where id = $1', [old.id])).length, 1);
    await tendMarks(db, 32 * dayMs);
    assert.equal((await db.query('select from kit.mark where id = $1', [old.id])).length, 0);
    assert.ok(!(await partitions()).includes(made[0] as string), 'the partition of the day is dropped with its marks');
  });

  it('takes it that several processes make room for marks at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const names = await db.query<{ name: string }>(
        `select relname as name from pg_class where relname like 'mark\\_2%' and relkind = 'r'`,
        [],
      );
      for (const { name } of names) await db.query(`drop table kit.${name}`);
      await Promise.all(Array.from({ length: 6 }, () => tendMarks(db)));
    }
  });
});
