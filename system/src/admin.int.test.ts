import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findAppError } from '@stoa/platform/errors';
import { firstAdmin } from './admin.ts';

describe('the first admin', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stoa-admin-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('is one for all who ask at once, and leaves one file, which only its owner may read', async () => {
    const dataDir = join(folder, 'shop');
    const admins = await Promise.all(Array.from({ length: 10 }, () => firstAdmin({}, dataDir)));
    assert.equal(new Set(admins.map(({ password }) => password)).size, 1);
    assert.equal(admins.filter(({ isNew }) => isNew).length, 1);
    assert.deepEqual(await readdir(dataDir), ['admin.json']);
    assert.equal((await stat(join(dataDir, 'admin.json'))).mode & 0o777, 0o600);
  });

  it('is made anew where a start that was cut off left an empty file', async () => {
    const file = join(folder, 'admin.json');
    await writeFile(file, '');
    const { isNew, password } = await firstAdmin({}, folder);
    assert.equal(isNew, true);
    assert.equal((JSON.parse(await readFile(file, 'utf8')) as { password: string }).password, password);
    assert.equal((await firstAdmin({}, folder)).password, password);
  });

  it('is made up where its settings are empty', async () => {
    const dataDir = join(folder, 'empty-settings');
    const { email, password } = await firstAdmin({ STOA_ADMIN_EMAIL: '', STOA_ADMIN_PASSWORD: '' }, dataDir);
    assert.equal(email, 'admin@stoa.local');
    assert.ok(password.length >= 12);
  });

  it('whose file cannot be read, or whose folder cannot be made, is told in one line', async () => {
    await writeFile(join(folder, 'admin.json'), '{"email": 1}');
    const told = async (dataDir: string) => {
      const error = await firstAdmin({}, dataDir).then(
        () => assert.fail('there was one'),
        (thrown: unknown) => findAppError(thrown),
      );
      assert.doesNotMatch(error?.message ?? '\n', /\n/);
      return error?.message ?? '';
    };
    assert.match(await told(folder), /admin\.json is not what it was: .*remove it/);
    assert.match(await told(join(folder, 'admin.json', 'shop')), /a part of the path is a file/);
  });
});
