import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '@stoa/platform/telemetry';
import { openDatabases } from './databases.ts';

it('an embedded PostgreSQL that cannot be started is told once, and can be closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stoa-databases-'));
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
