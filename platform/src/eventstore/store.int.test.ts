import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { newId } from '../ids/index.ts';
import type { RecordedEvent } from '../schema/index.ts';
import { Database, migrate, readMigrations } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { EventStore, fold, type Upcasters } from './index.ts';

type Deposited = {
  readonly type: 'deposited';
  readonly data: { readonly amount: { readonly amount: number; readonly currency: string } };
};
type Named = { readonly type: 'named'; readonly data: { readonly name: string } };
type AccountEvent = Deposited | Named;

/** What became of the events of an account over the years: the first version counted in pence, the second in minor units without a currency. */
const upcasters: Upcasters = {
  'deposited@1': ({ pence }: { pence: number }) => ({ type: 'deposited@2', data: { minorUnits: pence } }),
  'deposited@2': ({ minorUnits }: { minorUnits: number }) => ({
    type: 'deposited',
    data: { amount: { amount: minorUnits, currency: 'GBP' } },
  }),
};
const origin = { actor: 'test', at: '2026-01-02T03:04:05.000Z' };
const deposit = (amount: number): Deposited => ({ type: 'deposited', data: { amount: { amount, currency: 'GBP' } } });
const balance = (sum: number, event: RecordedEvent<AccountEvent>): number =>
  event.type === 'deposited' ? sum + (event.data as Deposited['data']).amount.amount : sum;

describe('a store of events', () => {
  let server: TestDatabase;
  let db: Database;
  const store = new EventStore<AccountEvent>(upcasters);
  before(async () => {
    server = await testDatabase('eventstore');
    db = new Database({ url: server.url, name: 'test' });
    await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
  });
  after(async () => {
    await db.close();
    await server.drop();
  });

  const append = (stream: string, expectedVersion: number, events: readonly (AccountEvent & { id?: string })[]) =>
    db.transaction(async (tx) => store.append(tx, stream, expectedVersion, events, origin), { retriesMax: 0 });

  it('keeps the events of a stream in order, with who did it and when', async () => {
    const stream = newId();
    const recorded = await append(stream, 0, [deposit(1), { type: 'named', data: { name: 'Rainy day' } }]);
    await append(stream, 2, [deposit(2)]);
    const events = await store.read(db, stream);
    assert.deepEqual(events.slice(0, 2), recorded);
    assert.deepEqual(
      events.map(({ version, type, actor, at }) => [version, type, actor, at]),
      [
        [1, 'deposited', 'test', origin.at],
        [2, 'named', 'test', origin.at],
        [3, 'deposited', 'test', origin.at],
      ],
    );
    assert.deepEqual(
      (await store.read(db, stream, 3)).map(({ version }) => version),
      [3],
    );
    assert.deepEqual(await store.read(db, newId()), []);
  });

  it('refuses to append to a stream that has moved on, and leaves nothing of the transaction', async () => {
    const stream = newId();
    await append(stream, 0, [deposit(1)]);
    await assert.rejects(append(stream, 0, [deposit(2), deposit(3)]), { code: 'stream.conflict' });
    assert.equal((await store.read(db, stream)).length, 1);
  });

  it('lets one of many win who append at the same version', async () => {
    const stream = newId();
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, at) => append(stream, 0, [deposit(at)])));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await store.read(db, stream)).length, 1);
  });

  it('has those who lost decide again on what is there now', async () => {
    const stream = newId();
    await Promise.all(
      Array.from({ length: 5 }, () =>
        db.transaction(
          async (tx) => {
            const { length } = await store.read(tx, stream);
            store.append(tx, stream, length, [deposit(1)], origin);
          },
          { retriesMax: 30 },
        ),
      ),
    );
    assert.deepEqual(
      (await store.read(db, stream)).map(({ version }) => version),
      [1, 2, 3, 4, 5],
    );
  });

  it('refuses to append nothing', async () => {
    await assert.rejects(append(newId(), 0, []), /at least one event/);
  });

  it('changes nothing when an append with the same ids is repeated', async () => {
    const stream = newId();
    const events = [
      { ...deposit(1), id: newId() },
      { ...deposit(2), id: newId() },
    ];
    await append(stream, 0, events);
    await append(stream, 0, events);
    assert.equal(fold(balance, 0, await store.read(db, stream)), 3);
  });

  it('appends with the transaction or not at all', async () => {
    const stream = newId();
    await assert.rejects(
      db.transaction(async (tx) => {
        store.append(tx, stream, 0, [deposit(1)], origin);
        throw new Error('changed my mind');
      }),
    );
    assert.deepEqual(await store.read(db, stream), []);
  });

  it('reads events of every old version as today’s, each from its fixture', async () => {
    const folder = new URL('fixtures/', import.meta.url);
    const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort();
    for (const [type] of Object.entries(upcasters)) assert.ok(files.includes(`${type}.json`), `${type} has a fixture`);
    for (const file of files) {
      const { stored, read } = JSON.parse(await readFile(new URL(file, folder), 'utf8')) as {
        stored: { type: string; data: object };
        read: AccountEvent;
      };
      const stream = newId();
      await db.query(
        `insert into kit.event (stream, version, id, type, data, actor, at) values ($1, 1, $2, $3, $4, 'test', now())`,
        [stream, newId(), stored.type, JSON.stringify(stored.data)],
      );
      const [event] = await store.read(db, stream);
      assert.deepEqual({ type: event?.type, data: event?.data }, read, file);
    }
  });

  it('refuses an upcaster that leads nowhere', async () => {
    const circular = new EventStore<AccountEvent>({ named: (data: Named['data']) => ({ type: 'named', data }) });
    const stream = newId();
    await append(stream, 0, [{ type: 'named', data: { name: 'x' } }]);
    await assert.rejects(circular.read(db, stream), /must change the type/);
  });

  it('goes through every stream once, whole and in order, in small batches', async () => {
    const streams = Array.from({ length: 25 }, newId);
    await Promise.all(
      streams.map((stream, at) =>
        append(
          stream,
          0,
          Array.from({ length: (at % 4) + 1 }, (_, n) => deposit(n)),
        ),
      ),
    );
    const seen = new Map<string, number[]>();
    let largest = 0;
    for await (const batch of store.readAll(db, 4)) {
      largest = Math.max(largest, batch.length);
      for (const stream of batch) {
        const id = stream[0]?.stream as string;
        assert.ok(!seen.has(id), 'once');
        seen.set(
          id,
          stream.map(({ version }) => version),
        );
      }
    }
    assert.equal(largest, 4);
    for (const [at, stream] of streams.entries())
      assert.deepEqual(
        seen.get(stream),
        Array.from({ length: (at % 4) + 1 }, (_, n) => n + 1),
      );
  });

  it('rebuilds a projection from the streams to what it was', async () => {
    await db.query('create table balance (account uuid primary key, pence int not null)');
    const streams = Array.from({ length: 10 }, newId);
    for (const [at, stream] of streams.entries()) {
      for (let version = 0; version < 3; version++) {
        await db.transaction(async (tx) => {
          store.append(tx, stream, version, [deposit(at + version)], origin);
          await tx.query(
            'insert into balance values ($1, $2) on conflict (account) do update set pence = balance.pence + excluded.pence',
            [stream, at + version],
          );
        });
      }
    }
    const balances = () =>
      db.query<{ account: string; pence: number }>(
        'select account, pence from balance where account = any($1) order by account',
        [streams],
      );
    const live = await balances();
    await db.query('truncate balance');
    for await (const batch of store.readAll(db, 3)) {
      for (const stream of batch) {
        await db.query('insert into balance values ($1, $2)', [stream[0]?.stream, stream.reduce(balance, 0)]);
      }
    }
    assert.deepEqual(await balances(), live);
    assert.equal(live.length, 10);
  });
});
