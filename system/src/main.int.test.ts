import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { openShop } from './main.ts';

describe('a process that hosts a part of the shop', () => {
  let dataDir: string;
  let database: TestDatabase;
  before(async () => {
    [dataDir, database] = await Promise.all([mkdtemp(join(tmpdir(), 'stoa-part-')), testDatabase('part')]);
  });
  after(async () => {
    await database.drop();
    await rm(dataDir, { recursive: true });
  });

  const open = (services: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    openShop({
      services,
      demo: false,
      environment: {
        STOA_DATA_DIR: dataDir,
        STOA_LOG_LEVEL: 'silent',
        STOA_METRICS_PORT: '0',
        STOA_SERVICE_SECRET: 'thirty-two-characters-and-a-few-more',
        STOA_USER_PORT: '0',
        STOA_USER_DATABASE_URL: database.url,
        STOA_SHIPPING_PORT: '0',
        STOA_SHIPPING_DATABASE_URL: database.url,
        STOA_DRAIN_GRACE: '1ms',
        ...environment,
      },
    });

  test('makes no admin where accounts are kept elsewhere', async () => {
    const shop = await open(['shipping']);
    await shop.stop();
    equal(shop.admin, undefined);
    deepEqual(await readdir(dataDir), []);
  });

  test('makes the first admin where the user service is, and the same one ever after', async () => {
    const first = await open(['user']);
    await first.stop();
    ok(first.admin?.isNew);
    match(await readFile(join(dataDir, 'admin.json'), 'utf8'), new RegExp(first.admin.password));
    const second = await open(['user']);
    await second.stop();
    deepEqual(second.admin, { ...first.admin, isNew: false });
  });

  test('finds a wrong setting of the gateway before it makes anything', async () => {
    const nothing = join(dataDir, 'nothing');
    const opening = openShop({ demo: false, environment: { STOA_DATA_DIR: nothing, PORT: 'abc' } });
    await rejects(opening, /PORT: must be a port/);
    ok(!existsSync(nothing));
  });

  test('says in its title what it hosts', async () => {
    const shop = await open(['shipping']);
    equal(process.title, 'stoa shipping');
    await shop.stop();
  });

  test('is told its databases: none is made up for it', async () => {
    await rejects(open(['shipping'], { STOA_SHIPPING_DATABASE_URL: '' }), /STOA_SHIPPING_DATABASE_URL is missing/);
  });
});
