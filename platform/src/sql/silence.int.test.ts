import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findAppError } from '../errors/index.ts';
import { type Line, openDatabaseLine, type TestDatabase, testDatabase } from '../testing/index.ts';
import { Database } from './index.ts';

const silenceMsMax = 2_000;
const connectionsMax = 4;

describe('a database whose connections the network has lost', () => {
  let server: TestDatabase;
  let line: Line;
  let urlOfLine: string;
  let witness: Database;
  const opened: Database[] = [];

  before(async () => {
    server = await testDatabase('silence');
    ({ line, url: urlOfLine } = await openDatabaseLine(server.url));
    witness = new Database({ url: server.url, name: 'witness' });
    await witness.query(
      `do $$ begin execute format('alter database %I set idle_in_transaction_session_timeout = 1000', current_database()); end $$`,
    );
    await witness.query('create table thing (id int primary key, name text)');
    await witness.query(`insert into thing values (1, 'one')`);
  });
  afterEach(async () => {
    // Its end would be waited for where nobody hears of it.
    line.cut();
    for (const database of opened.splice(0)) await database.close();
  });
  after(async () => {
    await line.close();
    await witness.close();
    await server.drop();
  });

  function open(): Database {
    const database = new Database({
      url: urlOfLine,
      name: 'test',
      connectionsMax,
      silenceMsMax,
    });
    opened.push(database);
    return database;
  }
  const all = (database: Database) =>
    Promise.all(Array.from({ length: connectionsMax }, () => database.query('select pg_sleep(0.2)', [])));

  it('gives up who waits as if the server were away, once, and goes on with new ones', async () => {
    const database = open();
    await all(database);
    line.lose();
    const startedMs = performance.now();
    await assert.rejects(database.query('select 1', []), (error) => {
      assert.equal(findAppError(error)?.code, 'service.unavailable');
      return true;
    });
    assert.ok(performance.now() - startedMs < 3 * silenceMsMax);
    // All the others were lost too, and nobody has to wait for each of them.
    const againMs = performance.now();
    await all(database);
    assert.ok(performance.now() - againMs < silenceMsMax);
  });

  it('gives up a transaction, and its locks are let go of by the server', async () => {
    const database = open();
    const { promise: isLost, resolve: tell } = Promise.withResolvers<void>();
    const work = database.transaction(async (tx) => {
      await tx.query(`update thing set name = 'lost' where id = $1`, [1]);
      line.lose();
      tell();
      await tx.query('select 1', []);
    });
    const refused = assert.rejects(work, (error) => findAppError(error)?.code === 'service.unavailable');
    await isLost;
    assert.ok(await isLocked(), 'the server holds the lock of whom it believes to be there');
    await witness.transaction((tx) => tx.query(`update thing set name = 'two' where id = $1`, [1]));
    await refused;
  });

  it('waits for a statement that takes its time when it was told to', async () => {
    const database = open();
    const takesLong = `select pg_sleep(${(silenceMsMax + 2_000) / 1_000})`;
    await database.transaction((tx) => tx.query(takesLong, []), { silenceMsMax: Number.POSITIVE_INFINITY });
  });

  it('hears again of what others tell it', async () => {
    const database = open();
    let heard = 0;
    const hears = (count: number) => until(() => heard >= count);
    const listening = database.listen('channel', () => heard++);
    await hears(1);
    line.lose();
    await hears(2);
    await witness.query('notify channel', []);
    await hears(3);
    line.cut();
    await listening.stop();
  });

  async function isLocked(): Promise<boolean> {
    const rows = await witness.query('select id from thing where id = $1 for update skip locked', [1]);
    return rows.length === 0;
  }
});

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 20_000; !holds(); await sleep(20))
    assert.ok(performance.now() < endMs, 'it did not come to pass within 20 s');
}
