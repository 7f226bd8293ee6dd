import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
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

it('an embedded PostgreSQL that dies comes back where the shop looks for it, however long another program has its port', async () => {
  const dataDir = await newDataDir('stoa-databases-');
  const told: string[] = [];
  const log = createLog({ level: 'error', destination: { write: (line) => void told.push(line) } });
  const databases = openDatabases({}, { dataDir, embedded: true, log });
  try {
    const url = await databases.urlOf('order');
    const port = Number(await readFile(join(dataDir, 'postgres-port'), 'utf8'));
    const folder = (await readFile(join(dataDir, 'postgres-location'), 'utf8').catch(() => '')).trim();
    const [pid] = (await readFile(join(folder || join(dataDir, 'postgres'), 'postmaster.pid'), 'utf8')).split('\n');
    const squatter = createServer();
    squatter.on('error', () => setTimeout(() => squatter.listen(port, '127.0.0.1'), 5).unref());
    process.kill(Number(pid), 'SIGKILL');
    squatter.listen(port, '127.0.0.1');
    const deadlineMs = performance.now() + 60_000;
    while (!told.some((line) => line.includes(`another program has taken port ${port}`))) {
      assert.ok(performance.now() < deadlineMs, told.join(''));
      await sleep(20);
    }
    squatter.close();
    const one = async () => {
      const session = new pg.Client({ connectionString: url });
      session.on('error', () => undefined);
      await session.connect();
      await session.query('select 1').finally(() => session.end());
    };
    for (let tries = 0; tries < 200; tries++) {
      if (
        await one().then(
          () => true,
          () => false,
        )
      )
        break;
      await sleep(50);
    }
    await one();
  } finally {
    await databases.close();
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
