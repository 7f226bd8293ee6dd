import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import { createLog } from '@stoa/platform/telemetry';
import { newDataDir } from '@stoa/platform/testing';
import pg from 'pg';
import { openDatabases } from './databases.ts';

it('a shop that ends leaves the embedded PostgreSQL to another one that uses it; the last one stops it', async () => {
  const dataDir = await newDataDir('stoa-databases-');
  const log = createLog({ level: 'silent' });
  const open = () => openDatabases({}, { dataDir, embedded: true, log });
  const [first, second] = [open(), open()];
  const session = new pg.Client({ connectionString: await first.urlOf('order') });
  session.on('error', () => undefined);
  try {
    await session.connect();
    await second.urlOf('order');
    await second.close();
    assert.equal((await session.query('select 1 as one')).rows[0].one, 1);
    await first.close();
    await assert.rejects(session.query('select 1'));
  } finally {
    await Promise.all([first.close(), second.close()]);
    await session.end().catch(() => undefined);
    await stopEmbeddedPostgres(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  }
});

it('an embedded PostgreSQL that cannot be started is told once, and can be closed', async () => {
  const folder = await newDataDir('stoa-databases-');
  try {
    await writeFile(join(folder, 'file'), '');
    const log = createLog({ level: 'silent' });
    const databases = openDatabases({}, { dataDir: join(folder, 'file'), embedded: true, log });
    await assert.rejects(databases.urlOf('order'));
    // Longer than the watch over the server sleeps: what it finds must be nobody's surprise.
    await sleep(400);
    await databases.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
