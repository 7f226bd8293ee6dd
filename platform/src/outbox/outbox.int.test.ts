import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import pino from 'pino';
import { event, type Message, strict, Type } from '../schema/index.ts';
import { Database, migrate, readMigrations } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { systemClock } from '../time/index.ts';
import type { Transport } from '../transport/index.ts';
import { Outbox, Relay, type RelayOptions } from './index.ts';

const told = event('thing.told.v1', strict({ n: Type.Integer() }));
const log = pino({ level: 'silent' });
const cause = { correlationId: 'test' };

describe('the outbox', () => {
  let server: TestDatabase;
  let db: Database;
  const relays: Relay[] = [];
  /** What each subscriber was given, in order. */
  let given: Map<string, Message<{ n: number }>[]>;
  /** Subscribers that cannot be reached. */
  const away = new Set<string>();
  const transport: Transport = {
    async deliver(subscriber, messages) {
      if (away.has(subscriber)) throw new Error(`${subscriber} is away`);
      given.set(subscriber, [...(given.get(subscriber) ?? []), ...(messages as Message<{ n: number }>[])]);
    },
  };

  before(async () => {
    server = await testDatabase('outbox');
    db = new Database({ url: server.url, name: 'test', connectionsMax: 20 });
    await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
    await db.query('create table state (key text primary key, n int)');
  });
  beforeEach(async () => {
    given = new Map();
    away.clear();
    await db.query('truncate kit.outbox, kit.lease, state');
  });
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  });
  after(async () => {
    await db.close();
    await server.drop();
  });

  /** A process: its outbox and its relay. */
  function openProcess(
    subscribers: readonly string[] = ['one', 'other'],
    more: Partial<RelayOptions> = {},
  ): { outbox: Outbox; relay: Relay } {
    const relay = new Relay({ db, transport, log, hasPeers: true, ...more });
    const outbox = new Outbox({
      clock: systemClock,
      subscribersOf: (type) => (type === told.type ? subscribers : []),
      onCommitted: (entries) => relay.offer(entries),
    });
    relay.start();
    relays.push(relay);
    return { outbox, relay };
  }

  const publish = (outbox: Outbox, key: string, n: number) =>
    db.transaction(async (tx) => {
      await tx.query('insert into state values ($1, $2) on conflict (key) do update set n = excluded.n', [key, n]);
      outbox.publish(tx, told, { key, payload: { n }, cause });
    });
  const left = async () => (await db.query<{ n: number }>('select count(*) as n from kit.outbox', []))[0]?.n ?? 0;
  /** In the order in which they came first: a message may be given twice, and the inbox knows it by its id. */
  const numbers = (subscriber: string, key?: string) => {
    const first = new Map((given.get(subscriber) ?? []).map((message) => [message.id, message]));
    return [...first.values()]
      .filter((message) => key === undefined || message.key === key)
      .map(({ payload }) => payload.n);
  };

  async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
    for (const deadlineMs = performance.now() + 20_000; !(await holds()); await sleep(10)) {
      assert.ok(performance.now() < deadlineMs, 'it did not come to pass within 20 s');
    }
  }

  it('gives each subscriber what was committed, and keeps nothing of it', async () => {
    const { outbox } = openProcess();
    for (let n = 0; n < 5; n++) await publish(outbox, 'a', n);
    await until(async () => (await left()) === 0);
    assert.deepEqual(
      [numbers('one'), numbers('other')],
      [
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
      ],
    );
    const [first] = given.get('one') ?? [];
    assert.deepEqual([first?.type, first?.key, first?.cause.correlationId], ['thing.told.v1', 'a', 'test']);
  });

  it('sends nothing of a transaction that is rolled back', async () => {
    const { outbox } = openProcess();
    await assert.rejects(
      db.transaction(async (tx) => {
        outbox.publish(tx, told, { key: 'a', payload: { n: 1 }, cause });
        throw new Error('changed my mind');
      }),
    );
    await publish(outbox, 'a', 2);
    await until(() => numbers('one').length > 0);
    assert.deepEqual(numbers('one'), [2]);
    assert.deepEqual(await db.query('select n from state', []), [{ n: 2 }]);
  });

  it('refuses a payload that has not the shape of its event', async () => {
    const { outbox } = openProcess();
    await assert.rejects(
      db.transaction(async (tx) => outbox.publish(tx, told, { key: 'a', payload: { n: 'one' } as never, cause })),
      /thing\.told\.v1/,
    );
  });

  it('leaves no row of an event that nobody hears', async () => {
    const { outbox } = openProcess([]);
    await publish(outbox, 'a', 1);
    assert.equal(await left(), 0);
  });

  it('keeps the order of commits of a key, under load', async () => {
    const { outbox } = openProcess();
    const keys = ['a', 'b', 'c', 'd'];
    await Promise.all(
      keys.map(async (key) => {
        for (let n = 0; n < 60; n++) await publish(outbox, key, n);
      }),
    );
    await until(async () => (await left()) === 0);
    for (const key of keys)
      assert.deepEqual(
        numbers('one', key),
        Array.from({ length: 60 }, (_, n) => n),
      );
  });

  it('keeps the order of commits of a key whose acknowledgements are read in another one', async () => {
    const relay = new Relay({ db, transport, log });
    const heard: (() => void)[] = [];
    const outbox = new Outbox({
      clock: systemClock,
      subscribersOf: () => ['one'],
      onCommitted: (entries) => void heard.push(() => relay.offer(entries)),
    });
    relay.start();
    relays.push(relay);
    await publish(outbox, 'a', 0);
    heard.shift()?.();
    await until(() => numbers('one').length === 1);
    for (let n = 1; n <= 3; n++) await publish(outbox, 'a', n);
    heard.pop()?.();
    await until(() => numbers('one').includes(3));
    for (const hear of heard) hear();
    await until(async () => (await left()) === 0);
    assert.deepEqual(numbers('one'), [0, 1, 2, 3]);
  });

  it('lets a subscriber that is away hold up nobody but itself, and gives it everything in order later', async () => {
    const { outbox } = openProcess();
    away.add('one');
    for (let n = 0; n < 30; n++) await publish(outbox, 'a', n);
    await until(() => numbers('other').length === 30);
    assert.deepEqual(numbers('one'), []);
    // Removed a moment after they were handed over.
    await until(async () => (await left()) === 30);
    away.clear();
    await until(async () => (await left()) === 0);
    assert.deepEqual(
      numbers('one'),
      Array.from({ length: 30 }, (_, n) => n),
    );
  });

  it('gives everything to a subscriber that was away for more messages than fit into memory', async () => {
    const { outbox } = openProcess(['one']);
    await publish(outbox, 'a', -1);
    await until(() => numbers('one').length === 1);
    away.add('one');
    for (let batch = 0; batch < 14; batch++) {
      await db.transaction(async (tx) => {
        for (let n = 0; n < 400; n++) outbox.publish(tx, told, { key: 'a', payload: { n: batch * 400 + n }, cause });
      });
    }
    away.clear();
    await until(async () => (await left()) === 0);
    assert.deepEqual(
      numbers('one'),
      Array.from({ length: 5_601 }, (_, n) => n - 1),
    );
  });

  it('does not lose the message of a transaction that commits after later ones', async () => {
    const { outbox } = openProcess(['one']);
    await publish(outbox, 'first', 0);
    await until(async () => (await left()) === 0);
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    // Its row has a lower number than those of the others, and nobody in this process is told when it is committed.
    const late = db.transaction(async (tx) => {
      await tx.query(
        `insert into kit.outbox (id, subscriber, type, key, body) values (gen_random_uuid(), 'one', 'thing.told.v1', 'late', '{"payload": {"n": 99}, "cause": {"correlationId": "x"}}')`,
        [],
      );
      await held;
    });
    for (let n = 1; n <= 5; n++) await publish(outbox, 'a', n);
    await until(() => numbers('one').length === 6);
    letGo();
    await late;
    await until(async () => (await left()) === 0);
    assert.deepEqual(numbers('one'), [0, 1, 2, 3, 4, 5, 99]);
  });

  it('hands on after a restart what the process before had left', async () => {
    const before = openProcess();
    away.add('one');
    away.add('other');
    for (let n = 0; n < 3; n++) await publish(before.outbox, 'a', n);
    await before.relay.stop();
    away.clear();
    openProcess();
    await until(async () => (await left()) === 0);
    assert.deepEqual(
      [numbers('one'), numbers('other')],
      [
        [0, 1, 2],
        [0, 1, 2],
      ],
    );
  });

  it('hands on what another process commits because that one tells it, without looking', async () => {
    const holder = openProcess(['one'], { lookEveryMs: 3_600_000 });
    await publish(holder.outbox, 'a', 0);
    await until(() => numbers('one').length === 1);
    const other = openProcess(['one'], { lookEveryMs: 3_600_000 });
    for (let n = 1; n <= 20; n++) await publish(other.outbox, 'a', n);
    await until(() => numbers('one').length === 21);
    assert.deepEqual(
      numbers('one'),
      Array.from({ length: 21 }, (_, n) => n),
    );
  });

  it('hands on what was committed before the clock of the database was set back', async () => {
    const silent: Transport = { deliver: () => new Promise<void>(() => undefined) };
    const before = openProcess(['one'], { transport: silent });
    await publish(before.outbox, 'a', 1);
    await db.query(`update kit.outbox set created_at = now() + interval '5 minutes'`);
    await before.relay.stop();
    relays.length = 0;
    openProcess(['one']);
    await until(async () => (await left()) === 0);
    assert.deepEqual(numbers('one'), [1]);
  });

  it('stops though a subscriber does not answer, and leaves its messages to the next process', async () => {
    const silent: Transport = { deliver: () => new Promise<void>(() => undefined) };
    const before = openProcess(['one'], { transport: silent });
    await publish(before.outbox, 'a', 1);
    await sleep(50);
    const stopped = before.relay.stop().then(() => 'stopped');
    assert.equal(await Promise.race([stopped, sleep(5_000, 'hangs', { ref: false })]), 'stopped');
    relays.length = 0;
    openProcess(['one']);
    await until(async () => (await left()) === 0);
    assert.deepEqual(numbers('one'), [1]);
  });

  it('is relayed by one of two processes, which also hands on what the other commits', async () => {
    const [one, other] = [openProcess(['one']), openProcess(['one'])];
    await Promise.all(Array.from({ length: 40 }, (_, n) => publish(n % 2 ? one.outbox : other.outbox, `key-${n}`, n)));
    await until(async () => (await left()) === 0);
    assert.deepEqual(
      numbers('one').sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, n) => n),
    );
  });

  it('keeps the order of commits of a key that two processes change in turn', async () => {
    const [one, other] = [openProcess(['one']), openProcess(['one'])];
    await publish(one.outbox, 'a', 0);
    await until(async () => (await left()) === 0);
    for (let n = 1; n <= 60; n++) await publish(n % 2 ? one.outbox : other.outbox, 'a', n);
    await until(async () => (await left()) === 0);
    assert.deepEqual(
      numbers('one'),
      Array.from({ length: 61 }, (_, n) => n),
    );
  });

  it('is relayed by the other process when the one that did has died', async () => {
    const died = openProcess(['one']);
    await publish(died.outbox, 'a', 0);
    await until(async () => (await left()) === 0);
    const [lease] = await db.query<{ holder: string }>(`select holder from kit.lease where name = 'relay'`, []);
    await relays.pop()?.stop();
    // As a killed process leaves it: taken, and not renewed.
    await db.query(`insert into kit.lease values ('relay', $1, now() + interval '1 second')`, [lease?.holder]);
    const other = openProcess(['one']);
    await publish(other.outbox, 'a', 1);
    await sleep(100);
    assert.deepEqual(numbers('one'), [0]);
    await until(async () => (await left()) === 0);
    assert.deepEqual(numbers('one'), [0, 1]);
  });

  it('says again and again of whom it is that takes nothing, and why, until they take it', async () => {
    const lines: { msg: string; subscriber: string; err: { message: string } }[] = [];
    const heard = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) });
    const { outbox } = openProcess(['one', 'other'], { log: heard, warnEveryMs: 1 });
    away.add('one');
    await publish(outbox, 'a', 1);
    await until(() => lines.length >= 3);
    for (const { msg, subscriber, err } of lines) {
      assert.deepEqual(
        [msg, subscriber, err.message],
        ['messages wait: the subscriber cannot take them', 'one', 'one is away'],
      );
    }
    away.clear();
    await until(async () => (await left()) === 0);
  });

  describe('with 100,000 rows for a subscriber that is away, and two processes', () => {
    /** Rows of the outbox that were read by going through the table. */
    const walked = async () =>
      (
        await db.query<{ rows: number; looks: number }>(
          `select seq_tup_read as rows, idx_scan as looks from pg_stat_user_tables where relid = 'kit.outbox'::regclass`,
          [],
        )
      )[0] ?? { rows: 0, looks: 0 };

    beforeEach(async () => {
      away.add('one');
      await db.query(
        `insert into kit.outbox (id, subscriber, type, key, body)
        select gen_random_uuid(), 'one', 'thing.told.v1', 'k' || n, '{}' from generate_series(1, 100000) n`,
      );
      await db.query('analyze kit.outbox');
    });

    it('does not go through them to find who has to be served', async () => {
      const before = await walked();
      openProcess(['other'], { lookEveryMs: 10 });
      openProcess(['other'], { lookEveryMs: 10 });
      // Statistics are told when a connection rests, those of looks and of the lane alike.
      await until(async () => (await walked()).looks > before.looks + 10);
      assert.ok((await walked()).rows - before.rows < 100_000, 'the table was gone through');
    });

    it('looks once at a time, however many tell it to', async () => {
      openProcess(['other']);
      const peer = new pg.Client(server.url);
      let told = 0;
      peer.on('notification', () => told++);
      await peer.connect();
      const counted = async (what: string) =>
        (await peer.query(`select count(*)::int as n ${what}`)).rows[0].n as number;
      const here = 'from pg_stat_activity where datname = current_database()';
      try {
        await until(async () => (await counted('from kit.lease')) === 1);
        await until(async () => (await counted(`${here} and query like 'listen%' and state = 'idle'`)) === 1);
        await peer.query('listen stoa_outbox');
        const holder = new pg.Client(server.url);
        await holder.connect();
        try {
          await holder.query(
            'begin; set local idle_in_transaction_session_timeout = 0; lock table kit.outbox in access exclusive mode',
          );
          for (let n = 0; n < 100; n++) await peer.query('notify stoa_outbox');
          await until(async () => told === 100 && (await counted(`${here} and wait_event_type = 'Lock'`)) > 0);
          const looks = await counted(`${here} and wait_event_type = 'Lock' and query like '%subscriber%created_at%'`);
          assert.equal(looks, 1);
        } finally {
          await holder.end();
        }
      } finally {
        await peer.end();
      }
    });
  });
});
