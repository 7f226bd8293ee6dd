import { equal, match, rejects } from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { AppError } from '../errors/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { Database, reachDatabase } from './index.ts';

describe('a database that cannot be used ends the start with one line', () => {
  let server: TestDatabase;
  before(async () => {
    server = await testDatabase('reach');
  });
  after(() => server.drop());

  const reach = async (url: string) => {
    const db = new Database({ url, name: 'order', connectionsMax: 1 });
    try {
      await reachDatabase(db, { url, setting: 'STOA_ORDER_DATABASE_URL', waitMs: 500 });
    } finally {
      await db.close();
    }
  };
  const changed = (change: (url: URL) => void) => {
    const url = new URL(server.url);
    change(url);
    return url.href;
  };
  const problem = (code: string, words: RegExp) => (error: AppError) => {
    equal(error.code, code);
    match(error.message, words);
    match(error.message, /STOA_ORDER_DATABASE_URL/);
    equal(error.message.includes('\n'), false);
    equal(error.message.includes('wrong-password'), false);
    return true;
  };

  test('but one that answers is taken', () => reach(server.url));

  test('when nobody is there', async () => {
    const port = await new Promise<number>((resolve) => {
      const free = createServer().listen(0, '127.0.0.1', () => {
        const { port: taken } = free.address() as { port: number };
        free.close(() => resolve(taken));
      });
    });
    const url = `postgres://order:wrong-password@127.0.0.1:${port}/order`;
    await rejects(reach(url), problem('service.unavailable', new RegExp(`127\\.0\\.0\\.1:${port}/order.*Start it`)));
  });

  test('when it has no such database', () =>
    rejects(
      reach(
        changed((url) => {
          url.pathname = '/nowhere';
        }),
      ),
      problem('config.invalid', /no such database/),
    ));

  test('when it does not know the user', async () => {
    const strange = changed((url) => {
      url.username = 'stranger';
      url.password = 'wrong-password';
    });
    await rejects(reach(strange), problem('config.invalid', /refuses/));
  });
});
