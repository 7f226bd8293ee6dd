import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { testDatabase } from './database.ts';

describe('a test database', () => {
  it('is empty, its own, named after the test, and gone when dropped, even while somebody is connected', async () => {
    const [one, other] = await Promise.all([testDatabase('Order saga'), testDatabase('Order saga')]);
    try {
      assert.notEqual(one.url, other.url);
      assert.match(one.url, /\/test_order_saga_[0-9a-f]{16}\b/);
      const client = new pg.Client({ connectionString: one.url });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('create table something (id int)');
      await one.drop();
      await assert.rejects(client.query('select 1'));
      await assert.rejects(connectTo(one.url), { code: '3D000' });
      await connectTo(other.url);
    } finally {
      await Promise.all([one.drop(), other.drop()]);
    }
  });

  it('is dropped by a later test when its own was killed more than an hour ago', async () => {
    const mine = await testDatabase('sweeper');
    try {
      const leftover = new URL(mine.url).pathname.slice(1).replace(/_[0-9a-f]{8}(?=[0-9a-f]{8}$)/, '_00000001');
      const client = new pg.Client({ connectionString: mine.url });
      await client.connect();
      await client.query(`create database ${leftover} template template0`);
      await (await testDatabase('next')).drop();
      const { rows } = await client.query('select from pg_database where datname = $1', [leftover]);
      await client.end();
      assert.equal(rows.length, 0);
    } finally {
      await mine.drop();
    }
  });
});

async function connectTo(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.end();
}
