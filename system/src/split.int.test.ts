import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseSetting } from '@stoa/platform/service';
import { newDataDir } from '@stoa/platform/testing';
import { openSplit, serviceNames } from './main.ts';

/** Writes its process id down, and whether it has been told the admin's password; and then is never ready. */
const neverReady = `
if (process.env.STOA_ADMIN_PASSWORD) require('node:fs').appendFileSync(process.env.PIDS + '.told', process.argv[2] + '\\n');
require('node:fs').appendFileSync(process.env.PIDS, process.pid + '\\n');
setInterval(() => undefined, 1000);
`;

/** Answers as the gateway of a shop in which all is well, and does not end when it is told to; the others note that they have drained. */
const slowDoor = `
const { appendFileSync } = require('node:fs');
appendFileSync(process.env.PIDS, process.pid + '\\n');
const [,, service] = process.argv;
const isDoor = service === 'gateway';
process.on('SIGTERM', () => {
  if (isDoor) return;
  // A drain takes its time.
  setTimeout(() => {
    appendFileSync(process.env.PIDS + '.drained', service + '\\n');
    process.exit(0);
  }, 300);
});
const ready = () => process.send('ready');
if (isDoor) require('node:http').createServer((request, response) => response.end('{"services":[]}')).listen(Number(process.env.PORT), ready);
else ready();
setInterval(() => undefined, 1000);
`;

describe('a split shop', () => {
  let folder: string;
  let environment: Record<string, string>;
  const pids = async () =>
    (await readFile(join(folder, 'pids'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);

  before(async () => {
    folder = await newDataDir('stoa-split-');
    await writeFile(join(folder, 'never-ready.cjs'), neverReady);
    environment = {
      PORT: '0',
      PATH: process.env.PATH ?? '',
      PIDS: join(folder, 'pids'),
      STOA_DATA_DIR: folder,
      STOA_LOG_LEVEL: 'silent',
      // So that no server is started for what never asks for it.
      ...Object.fromEntries(serviceNames.map((name) => [databaseSetting(name), 'postgres://nobody@127.0.0.1:1/none'])),
    };
  });
  after(async () => {
    for (const pid of await pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('that is told to stop while it starts leaves no process behind; only the user service was told the password', async () => {
    const asked = new AbortController();
    const command = [process.execPath, join(folder, 'never-ready.cjs')];
    const opening = openSplit({ environment, demo: false, replicas: 1, command, signal: asked.signal });
    const refused = assert.rejects(opening, /told to stop/);
    await until(async () => (await pids()).length === serviceNames.length);
    asked.abort();
    await refused;
    assert.deepEqual((await pids()).filter(isAlive), []);
    assert.equal(await readFile(join(folder, 'pids.told'), 'utf8'), 'user\n');
  });

  it('whose door does not let go drains the other processes in what is left of the time', async () => {
    await writeFile(join(folder, 'slow-door.cjs'), slowDoor);
    const command = [process.execPath, join(folder, 'slow-door.cjs')];
    const shop = await openSplit({ environment, demo: false, replicas: 1, command });
    await shop.stop(Date.now() + 3_000);
    const drained = (await readFile(join(folder, 'pids.drained'), 'utf8')).trim().split('\n');
    assert.deepEqual(drained.sort(), serviceNames.filter((name) => name !== 'gateway').sort());
    assert.deepEqual((await pids()).filter(isAlive), []);
  });

  it('of more processes than the embedded PostgreSQL can serve is refused', async () => {
    const own = { ...environment, ...Object.fromEntries(serviceNames.map((name) => [databaseSetting(name), ''])) };
    const command = [process.execPath, join(folder, 'never-ready.cjs')];
    await assert.rejects(openSplit({ environment: own, demo: false, replicas: 4, command }), /fewer replicas/);
  });

  it('with more connections for each process than the embedded PostgreSQL has is refused', async () => {
    const all = Object.fromEntries(serviceNames.map((name) => [databaseSetting(name), '']));
    const command = [process.execPath, join(folder, 'never-ready.cjs')];
    const opening = openSplit({
      environment: { ...environment, ...all, STOA_DATABASE_CONNECTIONS: '13' },
      demo: false,
      replicas: 1,
      command,
    });
    await assert.rejects(opening, /STOA_DATABASE_CONNECTIONS is 13 for each of 8 processes.* 12 at most/);
  });

  it('with a port that is none, or one port for two processes, is refused', async () => {
    const command = [process.execPath, join(folder, 'never-ready.cjs')];
    for (const [ports, problem] of [
      [{ STOA_ORDER_PORT: 'soon' }, /STOA_ORDER_PORT/],
      [{ STOA_METRICS_PORT: '65530' }, /STOA_METRICS_PORT is 65530.*would have port 65536/],
      [{ STOA_ORDER_PORT: '4999', STOA_PAYMENT_PORT: '4999' }, /Two processes would have port 4999/],
    ] as const) {
      const opening = openSplit({ environment: { ...environment, ...ports }, demo: false, replicas: 1, command });
      await assert.rejects(opening, problem);
    }
  });

  it('whose program cannot be started says so and ends', async () => {
    const opening = openSplit({ environment, demo: false, replicas: 1, command: [join(folder, 'nothing')] });
    const ended = opening.then(
      () => 'open',
      (error: Error) => error.message,
    );
    const outcome = await Promise.race([ended, sleep(15_000, 'hangs', { ref: false })]);
    assert.match(outcome, /did not start.*ENOENT/);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 20_000; !(await holds()); await sleep(20))
    assert.ok(performance.now() < endMs, 'it did not come to pass within 20 s');
}
