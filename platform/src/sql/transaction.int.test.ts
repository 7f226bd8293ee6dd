import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { findAppError } from '../errors/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { Database, insertText, type Tx, violatedConstraint, writer } from './index.ts';

const insert = insertText('thing', { id: 'int', name: 'text' });
const things = writer<{ id: number; name: string }>('things', 20, (tx, rows) =>
  tx.query(insert, [JSON.stringify(rows)]),
);
const order: string[] = [];
const noted = (name: string, at: number) =>
  writer<string>(name, at, async (tx, rows) => {
    order.push(`${name} ${rows.join(' ')}`);
    await tx.query('select 1', []);
  });
const early = noted('early', 10);
const late = noted('late', 50);

describe('a transaction', () => {
  let server: TestDatabase;
  let db: Database;
  before(async () => {
    server = await testDatabase('sql');
    db = new Database({ url: server.url, name: 'test' });
    await db.query('create table thing (id int primary key, name text unique)');
  });
  after(async () => {
    await db.close();
    await server.drop();
  });
  const count = async (where = 'true') =>
    (await db.query<{ count: number }>(`select count(*) as count from thing where ${where}`))[0]?.count;

  it('commits what it does and what it defers together', async () => {
    const result = await db.transaction(async (tx) => {
      await tx.query(`insert into thing values ($1, $2)`, [1, 'one']);
      tx.defer(things, { id: 2, name: 'two' });
      tx.defer(things, { id: 3, name: 'three' });
      return 'done';
    });
    assert.equal(result, 'done');
    assert.equal(await count('id in (1, 2, 3)'), 3);
  });

  it('leaves nothing when its work fails, and says why', async () => {
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.query(`insert into thing values ($1, $2)`, [10, 'ten']);
        tx.defer(things, { id: 11, name: 'eleven' });
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
    assert.equal(await count('id in (10, 11)'), 0);
  });

  it('says which of several statements failed, not which ones were refused for it', async () => {
    await db.query(`insert into thing values ($1, $2)`, [12, 'twelve']);
    const within = async <T>(asked: () => Promise<T>) => await asked();
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.query('select 1');
        await Promise.all([
          within(() => within(() => within(() => tx.query(`insert into thing values ($1, $2)`, [13, 'twelve'])))),
          tx.query('select 1'),
        ]);
      }),
      (error) => violatedConstraint(error) === 'thing_name_key',
    );
  });

  it('leaves nothing when a deferred write fails', async () => {
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.query(`insert into thing values ($1, $2)`, [20, 'twenty']);
        tx.defer(things, { id: 20, name: 'again' });
      }),
      { code: '23505', constraint: 'thing_pkey' },
    );
    assert.equal(await count('id = 20'), 0);
  });

  it('fails when a statement failed, even if its work looked away', async () => {
    let afterwards = false;
    await assert.rejects(
      db.transaction(async (tx) => {
        tx.afterCommit(() => {
          afterwards = true;
        });
        await tx.query(`insert into thing values ($1, $2)`, [30, 'thirty']);
        await tx.query('select 1 / 0', []).catch(() => undefined);
      }),
      { code: '22012' },
    );
    assert.equal(await count('id = 30'), 0);
    assert.equal(afterwards, false);
  });

  it('writes what is deferred in the order of its writers, one write each, also what writers defer themselves', async () => {
    order.length = 0;
    const middle = writer<string>('middle', 30, async (tx, rows) => {
      order.push(`middle ${rows.join(' ')}`);
      tx.defer(late, 'from-middle');
    });
    await db.transaction(async (tx) => {
      tx.defer(late, 'a');
      tx.defer(middle, 'b');
      tx.defer(early, 'c');
      tx.defer(early, 'd');
    });
    assert.deepEqual(order, ['early c d', 'middle b', 'late a from-middle']);
  });

  it('tells its followers after the commit, when others can see it', async () => {
    const seen = await new Promise<Promise<number | undefined>>((resolve, reject) => {
      db.transaction(async (tx) => {
        tx.defer(things, { id: 40, name: 'forty' });
        tx.afterCommit(() => resolve(count('id = 40')));
      }).catch(reject);
    });
    assert.equal(await seen, 1);
  });

  it('has committed, and tells its other followers, when one of them throws', async () => {
    const warned = once(process, 'warning');
    const told: string[] = [];
    const done = await db.transaction(async (tx) => {
      await tx.query(`insert into thing values ($1, $2)`, [41, 'followed']);
      tx.afterCommit(() => {
        throw new Error('a follower with a bug');
      });
      tx.afterCommit(() => told.push('the other'));
      return 'done';
    });
    assert.deepEqual([done, told, await count('id = 41')], ['done', ['the other'], 1]);
    assert.match(String((await warned)[0]), /a follower with a bug/);
  });

  it('takes no statement of a branch that goes on after another has failed', async () => {
    let goOn: () => void = () => undefined;
    const failed = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let late: Promise<unknown> = Promise.resolve();
    const work = db.transaction(async (tx) => {
      late = failed.then(() => tx.query(`insert into thing values ($1, $2)`, [42, 'too late']));
      await tx.query('select 1 / 0', []);
    });
    await assert.rejects(work, /division by zero/);
    goOn();
    await assert.rejects(late, /after its end/);
    assert.equal(await count('id = 42'), 0);
  });

  it('tells nobody after a rollback', async () => {
    let told = false;
    await assert.rejects(
      db.transaction(async (tx) => {
        tx.afterCommit(() => {
          told = true;
        });
        throw new Error('no');
      }),
    );
    assert.equal(told, false);
  });

  it('is tried again after a serialization failure until it goes through', async () => {
    await db.query(`create table counter (id int primary key, n int)`);
    await db.query(`insert into counter values (1, 0)`);
    let attempts = 0;
    const add = () =>
      db.transaction(
        async (tx) => {
          attempts++;
          const [row] = await tx.query<{ n: number }>('select n from counter where id = 1', []);
          await tx.query('update counter set n = $1 where id = 1', [(row?.n ?? 0) + 1]);
        },
        { isolation: 'serializable', retriesMax: 50 },
      );
    await Promise.all(Array.from({ length: 6 }, add));
    const [row] = await db.query<{ n: number }>('select n from counter where id = 1', []);
    assert.equal(row?.n, 6);
    assert.ok(attempts > 6, `${attempts} attempts`);
  });

  it('gives a serialization failure up after so many tries', async () => {
    let attempts = 0;
    await assert.rejects(
      db.transaction(
        async (tx) => {
          attempts++;
          await tx.query(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`);
        },
        { retriesMax: 2 },
      ),
      { code: '40001' },
    );
    assert.equal(attempts, 3);
  });

  it('finds a deadlock resolved: both go through', async () => {
    await db.query(`insert into thing values (50, 'fifty'), (51, 'fifty-one')`);
    const both = (first: number, second: number) =>
      db.transaction(async (tx) => {
        await tx.query('update thing set name = name where id = $1', [first]);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await tx.query('update thing set name = name where id = $1', [second]);
      });
    await Promise.all([both(50, 51), both(51, 50)]);
  });

  it('ends as service.unavailable when its connection is cut, and the pool goes on', async () => {
    await assert.rejects(
      db.transaction(async (tx) => {
        const [own] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid', []);
        await db.query('select pg_terminate_backend($1)', [own?.pid]);
        await tx.query('select 1', []);
      }),
      (error) => findAppError(error)?.code === 'service.unavailable',
    );
    assert.equal((await db.query<{ n: number }>('select 1 as n', []))[0]?.n, 1);
  });

  it('says service.unavailable of a server that is not there', async () => {
    const nowhere = new Database({ url: 'postgres://nobody@127.0.0.1:1/nothing', name: 'nowhere' });
    const unavailable = (error: unknown) => findAppError(error)?.code === 'service.unavailable';
    await assert.rejects(nowhere.query('select 1'), unavailable);
    await assert.rejects(
      nowhere.transaction(async () => undefined),
      unavailable,
    );
    await nowhere.close();
  });

  it('sends statements of one turn without waiting for each answer', async () => {
    await db.transaction(async (tx) => {
      const [a, b] = await Promise.all([
        tx.query<{ n: number }>('select 1 as n', []),
        tx.query<{ n: number }>('select $1::int as n', [2]),
      ]);
      assert.deepEqual([a[0]?.n, b[0]?.n], [1, 2]);
    });
  });

  it('gives numbers for bigint, RFC 3339 for timestamps and objects for jsonb', async () => {
    const [row] = await db.query(
      `select 12345678901::bigint as big, '2026-01-02 03:04:05.678901+00'::timestamptz as at, '{"a": [1]}'::jsonb as body, true as yes`,
      [],
    );
    assert.deepEqual({ ...row }, { big: 12345678901, at: '2026-01-02T03:04:05.678Z', body: { a: [1] }, yes: true });
  });

  describe('that shares its commit', () => {
    it('goes through with all others of its turn in one commit', async () => {
      const before = db.usage.statements;
      await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          db.grouped((tx: Tx) => tx.defer(things, { id: 100 + at, name: `g${at}` })),
        ),
      );
      assert.equal(await count('id between 100 and 119'), 20);
      assert.ok(db.usage.statements - before <= 7, `${db.usage.statements - before} statements`);
    });

    it('hurts nobody when its work fails', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, (_, at) =>
          db.grouped((tx) => {
            tx.defer(things, { id: 200 + at, name: `h${at}` });
            if (at === 2) throw new Error('not me');
            return at;
          }),
        ),
      );
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message)),
        [0, 1, 'not me', 3, 4],
      );
      assert.equal(await count('id between 200 and 204'), 4);
    });

    it('hurts nobody when a statement of its work fails, and ends with what the work says of that', async () => {
      const { promise: taken, resolve: take } = Promise.withResolvers<void>();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 4 }, (_, at) =>
          db.grouped(async (tx) => {
            tx.defer(things, { id: 220 + at, name: `s${at}` });
            if (at === 1) await tx.query('select 1 / 0', []).finally(take);
            await taken;
            if (at === 2)
              await tx.query('select 1 / 0', []).catch(() => {
                throw new Error('in words of its own');
              });
            return at;
          }),
        ),
      );
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message)),
        [0, 'division by zero', 'in words of its own', 3],
      );
      assert.equal(await count('id between 220 and 223'), 2);
    });

    it('hurts nobody when its write conflicts: each is tried alone', async () => {
      const told: number[] = [];
      const outcomes = await Promise.allSettled(
        [300, 301, 300, 302].map((id, at) =>
          db.grouped((tx) => {
            tx.defer(things, { id, name: `c${at}` });
            tx.afterCommit(() => told.push(at));
          }),
        ),
      );
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(told, [0, 1, 3]);
      assert.equal(await count('id between 300 and 302'), 3);
    });

    it('is not done a second time by the kit when the answer to its commit is lost', async () => {
      await db.query(`
        create table tally (n int);
        create function linger() returns trigger language plpgsql as $$ begin perform pg_sleep(8); return null; end $$;
        create constraint trigger lingers after insert on tally deferrable initially deferred for each row execute function linger()`);
      const tally = writer<{ n: number }>('tally', 20, (tx, rows) =>
        tx.query(insertText('tally', { n: 'int' }), [JSON.stringify(rows)]),
      );
      let runs = 0;
      const asking = Promise.allSettled(
        [1, 2].map((n) =>
          db.grouped((tx) => {
            runs++;
            tx.defer(tally, { n });
          }),
        ),
      );
      for (let cut = 0; cut === 0; ) {
        const rows = await db.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`,
          [],
        );
        cut = rows.length;
      }
      const outcomes = await asking;
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status === 'rejected' && findAppError(outcome.reason)?.code),
        ['service.unavailable', 'service.unavailable'],
      );
      assert.equal(runs, 2, 'whether it went through cannot be known here: whoever asks again decides');
    });
  });

  it('refuses a statement that a writer sends after its first turn, when the commit is already on its way', async () => {
    const slow = writer<string>('slow', 20, async (tx) => {
      await tx.query('select 1', []);
      await tx.query('select 2', []);
    });
    await assert.rejects(
      db.transaction(async (tx) => tx.defer(slow, 'a')),
      /after its end/,
    );
  });
});
