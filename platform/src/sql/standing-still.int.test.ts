import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { Database, isAway, isDatabaseAway, isUnanswered, migrate, type Tx } from './index.ts';

const things = [
  { name: '0001-things', text: 'create table thing (id int primary key, n int); insert into thing values (1, 0)' },
];

describe('a database in which something stands still', () => {
  let server: TestDatabase;
  const open: Database[] = [];
  before(async () => {
    server = await testDatabase('standing_still');
  });
  after(async () => {
    await Promise.all(open.map((db) => db.close()));
    await server.drop();
  });

  function connect(options: { url?: string; connectionsMax?: number; silenceMsMax?: number } = {}): Database {
    const db = new Database({ url: server.url, name: 'test', ...options });
    open.push(db);
    return db;
  }
  const limitOf = async (db: Database) => (await db.query<{ limit: string }>(limit, []))[0]?.limit;
  const limit = `select current_setting('idle_in_transaction_session_timeout') as limit`;

  test('ends transactions that stand still for five seconds, once somebody has migrated it', async () => {
    await migrate(connect(), 'shop', things);
    equal(await limitOf(connect()), '5s');
  });

  test('does so for a role that is no administrator, and keeps what somebody else has set', async () => {
    const own = await testDatabase('standing_still_own');
    const admin = new Database({ url: own.url, name: 'test' });
    const role = `keeper_${process.pid}`;
    const [here] = await admin.query<{ name: string }>('select current_database() as name', []);
    await admin.query(`create role ${role} login password 'secret'; alter database ${here?.name} owner to ${role}`);
    const url = Object.assign(new URL(own.url), { username: role, password: 'secret' }).href;
    const once = async <T>(work: (db: Database) => Promise<T>) => {
      const db = new Database({ url, name: 'test' });
      return work(db).finally(() => db.close());
    };
    try {
      await admin.query(`grant create on schema public to ${role}`);
      await once((db) => migrate(db, 'shop', things));
      equal(await once(limitOf), '5s');
      await once((db) =>
        db.query(`alter role ${role} in database ${here?.name} set idle_in_transaction_session_timeout = '7s'`),
      );
      await once((db) => migrate(db, 'shop', things));
      equal(await once(limitOf), '7s');
    } finally {
      await admin.close();
      await own.drop();
      await connect().query(`drop role ${role}`);
    }
  });

  test('gives the lock of such a transaction to whoever waits for it', async () => {
    const [still, going] = [connect(), connect()];
    const change = 'update thing set n = n + 1 where id = 1';
    let goesOn: Promise<unknown> = Promise.resolve();
    await rejects(
      still.transaction(async (tx) => {
        await tx.query(`set local idle_in_transaction_session_timeout = '300ms'`);
        await tx.query(change, []);
        goesOn = going.query(change, []);
        // As a process does that is stopped here.
        await goesOn;
        await tx.query('select 1', []);
      }),
      (error) => isDatabaseAway(error),
    );
    await goesOn;
    deepEqual(await going.query('select n from thing', []), [{ n: 1 }]);
  });

  test('is not away for whoever stood still too long, or asked too much of it', async () => {
    const db = connect({ silenceMsMax: 1_000 });
    const failures = [
      (tx: Tx) => tx.query('select pg_sleep(30)', []),
      async (tx: Tx) => {
        await tx.query(`set local idle_in_transaction_session_timeout = '300ms'`);
        await sleep(600);
        await tx.query('select 1', []);
      },
    ].map((work) => db.transaction(async (tx) => void (await work(tx))).catch((error: unknown) => error));
    const nobody = connect({ url: 'postgres://nobody@127.0.0.1:9/none' });
    for (const error of await Promise.all(failures)) {
      equal(isDatabaseAway(error), true);
      equal(await isAway(db, error), false);
      equal(await isAway(nobody, error), true);
    }
    equal(await isAway(db, await nobody.query('select 1').catch((error: unknown) => error)), true);
  });

  test('gives up a statement that takes too long, and its connection with it', async () => {
    const db = connect({ connectionsMax: 1, silenceMsMax: 1_000 });
    await rejects(db.query('select pg_sleep(30)', []), (error) => isUnanswered(error));
    await rejects(
      db.transaction((tx) => tx.query('select pg_sleep(30)', [])),
      (error) => isUnanswered(error),
    );
    deepEqual(await db.query('select 1 as one', []), [{ one: 1 }]);
  });

  test('forgets a connection whose prepared statements no longer fit the schema', async () => {
    const db = connect({ connectionsMax: 1 });
    await db.query('select * from thing', []);
    await connect().query('alter table thing add name text', []);
    await rejects(db.query('select * from thing', []), (error: Error) => {
      match((error.cause as Error).message, /cached plan/);
      return isDatabaseAway(error);
    });
    deepEqual(await db.query('select * from thing', []), [{ id: 1, n: 1, name: null }]);
  });
});
