import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { Database, type Migration, migrate, readMigrations } from './index.ts';

const first: Migration = { name: '0001-things', text: 'create table thing (id int primary key);' };
const second: Migration = { name: '0002-names', text: `alter table thing add name text not null default '';` };
const breaking: Migration = { name: '0003-no-ids', text: '-- minimum reader: 3\nalter table thing drop column name;' };

describe('migrations', () => {
  let server: TestDatabase;
  let db: Database;
  let other: Database;
  before(async () => {
    server = await testDatabase('migrate');
    db = new Database({ url: server.url, name: 'test' });
    other = new Database({ url: server.url, name: 'test' });
  });
  after(async () => {
    await db.close();
    await other.close();
    await server.drop();
  });
  const applied = async (scope: string) =>
    (await db.query<{ name: string }>('select name from kit.migration where scope = $1 order by name', [scope])).map(
      ({ name }) => name,
    );

  it('are applied once by several starting processes', async () => {
    await Promise.all([
      migrate(db, 'shop', [first, second]),
      migrate(other, 'shop', [first, second]),
      migrate(db, 'shop', [first, second]),
    ]);
    assert.deepEqual(await applied('shop'), ['0001-things', '0002-names']);
    await db.query(`insert into thing values (1, 'kept')`);
    await migrate(db, 'shop', [first, second]);
    assert.deepEqual(await db.query('select id, name from thing', []), [{ id: 1, name: 'kept' }]);
  });

  it('let the version before run beside the new one', async () => {
    await migrate(db, 'shop', [first]);
    assert.deepEqual(await applied('shop'), ['0001-things', '0002-names']);
  });

  it('refuse a file that was changed after it had been applied', async () => {
    const changed = { ...first, text: `${first.text} -- a harmless remark` };
    await assert.rejects(migrate(db, 'shop', [changed, second]), { code: 'migration.changed' });
  });

  it('leave nothing of a run in which one fails', async () => {
    const broken: Migration = { name: '0003-broken', text: 'create table half (id int); select nonsense;' };
    await assert.rejects(migrate(db, 'shop', [first, second, broken]));
    assert.deepEqual(await applied('shop'), ['0001-things', '0002-names']);
    assert.deepEqual(await db.query(`select to_regclass('half') as half`, []), [{ half: null }]);
  });

  it('refuse a program that is older than the schema allows', async () => {
    await migrate(db, 'shop', [first, second, breaking]);
    await assert.rejects(migrate(other, 'shop', [first, second]), { code: 'migration.too-new' });
    await migrate(other, 'shop', [first, second, breaking]);
  });

  it('of one scope know nothing of another', async () => {
    await migrate(db, 'elsewhere', [{ name: '0001-things', text: 'create table elsewhere (id int);' }]);
    assert.deepEqual(await applied('elsewhere'), ['0001-things']);
  });

  it('are read from numbered files only', async () => {
    const kit = await readMigrations(new URL('../../migrations/', import.meta.url));
    assert.equal(kit[0]?.name, '0001-kit');
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
    const { pathToFileURL } = await import('node:url');
    const folder = await mkdtemp('/tmp/stoa-migrations-');
    await writeFile(`${folder}/first.sql`, '');
    await assert.rejects(readMigrations(pathToFileURL(`${folder}/`)), { code: 'migration.misnamed' });
    await rm(folder, { recursive: true });
  });
});
