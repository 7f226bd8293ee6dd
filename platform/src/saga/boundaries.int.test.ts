import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newId } from '../ids/index.ts';
import { Database } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';

const program = fileURLToPath(new URL('testing/four-steps.ts', import.meta.url));
const names = ['one', 'two', 'three', 'four'];

describe('a saga of four steps', () => {
  let server: TestDatabase;
  let db: Database;
  before(async () => {
    server = await testDatabase('four steps');
    db = new Database({ url: server.url, name: 'test' });
  });
  after(async () => {
    await db.close();
    await server.drop();
  });

  /** Runs the program; says how it ended. */
  function runProgram(key: string, crashAt?: string): Promise<number | NodeJS.Signals | null> {
    const environment = { PATH: process.env.PATH, ...(crashAt && { STOA_TEST_MODE: '1', STOA_CRASH_AT: crashAt }) };
    const child = spawn(process.execPath, [program, server.url, key], {
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  }

  const notes = async (key: string) =>
    (await db.query<{ what: string }>('select what from note where key = $1 order by at', [key])).map(
      ({ what }) => what.split(' ') as [string, string],
    );

  it('commits each step before the next begins', async () => {
    const key = newId();
    assert.equal(await runProgram(key), 0);
    const done = await notes(key);
    assert.deepEqual(
      done.map(([name]) => name),
      names,
    );
    assert.equal(new Set(done.map(([, transaction]) => transaction)).size, 4, 'four transactions');
  });

  for (const [at, name] of names.entries()) {
    it(`killed before step ${name} has committed exactly the steps before it, and goes on from there`, async () => {
      const key = newId();
      assert.equal(await runProgram(key, `saga.before-local-step:${at + 1}`), 'SIGKILL');
      assert.deepEqual(
        (await notes(key)).map(([done]) => done),
        names.slice(0, at),
      );
      assert.equal(await runProgram(key), 0);
      const done = await notes(key);
      assert.deepEqual(
        done.map(([each]) => each),
        names,
      );
      assert.equal(new Set(done.map(([, transaction]) => transaction)).size, 4);
    });
  }

  it('killed when a timer came to take it up is taken up by the next timer', async () => {
    const key = newId();
    assert.equal(await runProgram(key, 'saga.before-local-step:2'), 'SIGKILL');
    assert.equal(await runProgram(key, 'saga.timer:1'), 'SIGKILL');
    assert.deepEqual(
      (await notes(key)).map(([done]) => done),
      ['one'],
    );
    assert.equal(await runProgram(key), 0);
    assert.deepEqual(
      (await notes(key)).map(([each]) => each),
      names,
    );
  });
});
