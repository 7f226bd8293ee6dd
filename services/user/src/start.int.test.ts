import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { hashSecret, SigningKeys } from '@stoa/platform/auth';
import { findAppError } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import { Database, migrate, readMigrations } from '@stoa/platform/sql';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { fakeClock, systemClock } from '@stoa/platform/time';
import { makeFirstAdmin } from './first-admin.ts';
import { forgetEnded } from './jobs/forget-ended.ts';
import { rotateSigningKeys } from './jobs/rotate-signing-keys.ts';
import { KeyRing } from './key-ring.ts';
import { user } from './service.ts';
import { lockSubject } from './store/locks.ts';
import { adminOfTests, type HostedUser, hostUser } from './testing/host-user.ts';

let database: TestDatabase;
let db: Database;

before(async () => {
  database = await testDatabase('user start');
  db = new Database({ url: database.url, name: 'user', connectionsMax: 8 });
  await migrate(db, 'user', await readMigrations(user.migrations as URL));
});
after(async () => {
  await db.close();
  await database.drop();
});

/** Runs so many at once, and lets none decide before all have come to where one decides at a time. */
async function heldBack<T>(
  on: Database,
  subject: Parameters<typeof lockSubject>[1],
  count: number,
  start: (at: number) => Promise<T>,
): Promise<T[]> {
  const started = await on.transaction(async (tx) => {
    await lockSubject(tx, subject);
    const all = Array.from({ length: count }, (_, at) => start(at));
    const deadlineMs = Date.now() + 5000;
    for (let waiting = 0; waiting < count; ) {
      assert.ok(Date.now() < deadlineMs, `${waiting} of ${count} wait for the lock`);
      const rows = await on.query(
        `select from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
      );
      waiting = rows.length;
    }
    return { all };
  });
  return Promise.all(started.all);
}

describe('the first admin', () => {
  it('is made once by processes that start at once, and its password told once', async () => {
    const notes = await heldBack(db, 'admins', 4, (at) =>
      makeFirstAdmin(db, { email: `admin-${at}@example.com`, password: undefined }),
    );
    assert.equal(notes.filter((note) => note !== undefined).length, 1);
    const admins = await db.query<{ email: string }>(`select email from account where role = 'admin'`);
    assert.equal(admins.length, 1);
    assert.equal(await makeFirstAdmin(db, { email: 'late@example.com', password: undefined }), undefined);

    const password = /with the password (\S+) /.exec(notes.find((note) => note) ?? '')?.[1];
    const host = await hostUser(database.url);
    try {
      const body = { email: admins[0]?.email, password };
      assert.equal((await host.call('POST', '/api/v1/auth/login', { body })).status, 200);
    } finally {
      await host.stop();
    }
  });

  it('has a name of its own where the settings give none', async () => {
    const own = await testDatabase('user first admin made up');
    const host = await hostUser(own.url);
    try {
      await host.db.query(`delete from account`);
      const note = await makeFirstAdmin(host.db, { email: undefined, password: undefined });
      assert.match(
        note ?? '',
        /^Stoa made the first admin: admin@stoa\.local with the password [\w-]{20} \(shown once\)$/,
      );
    } finally {
      await host.stop();
      await own.drop();
    }
  });

  it('comes from the settings, silently', async () => {
    const own = await testDatabase('user first admin');
    const host = await hostUser(own.url);
    try {
      const answer = await host.call('POST', '/api/v1/auth/login', { body: adminOfTests });
      assert.deepEqual([answer.status, answer.body.user.role], [200, 'admin']);
      assert.equal(await makeFirstAdmin(host.db, adminOfTests), undefined);
    } finally {
      await host.stop();
      await own.drop();
    }
  });

  it('is never made out of an account that somebody else opened', async () => {
    const own = await testDatabase('user first admin taken');
    const host = await hostUser(own.url);
    try {
      await host.db.query(`update account set role = 'customer'`);
      const made = makeFirstAdmin(host.db, { ...adminOfTests, password: 'another password' });
      await assert.rejects(made, (error) => findAppError(error)?.code === 'config.invalid');
    } finally {
      await host.stop();
      await own.drop();
    }
  });

  it('refuses settings that are wrong, naming each and showing no password', async () => {
    const start = { environment: { STOA_ADMIN_EMAIL: 'nobody', STOA_ADMIN_PASSWORD: 'short' }, db, clock: systemClock };
    await assert.rejects(
      async () => user.prepare?.(start as never),
      (error: Error) =>
        /STOA_ADMIN_EMAIL/.test(error.message) &&
        /STOA_ADMIN_PASSWORD/.test(error.message) &&
        !/"short"/.test(error.message),
    );
  });
});

describe('signing keys', () => {
  it('are made once by processes that start at once, and published without their private part', async () => {
    const own = await testDatabase('user keys');
    const other = new Database({ url: own.url });
    try {
      await migrate(other, 'user', await readMigrations(user.migrations as URL));
      const rings = await heldBack(other, 'signing-keys', 4, () => KeyRing.open(other, systemClock));
      const sets = await Promise.all(rings.map(async (ring) => (await ring.current()).jwks(Date.now())));
      assert.equal(new Set(sets.map(({ keys }) => keys[0]?.kid)).size, 1);
      assert.equal(sets[0]?.keys.length, 1);
    } finally {
      await other.close();
      await own.drop();
    }
  });

  it('are served to anyone', async () => {
    const host = await hostUser(database.url);
    try {
      const { status, body } = await host.call('GET', '/.well-known/jwks.json');
      assert.equal(status, 200);
      const [key = {}] = body.keys;
      assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    } finally {
      await host.stop();
    }
  });

  it('rotate after thirty days, the next one published before it signs, the old one gone when its tokens are', async () => {
    const rotate = (clock = systemClock) => rotateSigningKeys.run({ db, clock } as never);
    const kids = async () =>
      (await db.query<{ kid: string }>('select kid from signing_key order by active_from')).map(({ kid }) => kid);
    const clock = fakeClock(new Date().toISOString());
    const ring = await KeyRing.open(db, clock);
    const [first] = await kids();
    await rotate();
    assert.deepEqual(await kids(), [first]);

    await ageKeys(31);
    await rotate();
    const [, second] = await kids();
    assert.ok(second);
    clock.advance(61_000);
    const both = await ring.current();
    assert.equal(both.signer(Date.now()).kid, first);
    assert.equal(both.signer(Date.now() + 601_000).kid, second);
    assert.equal(both.jwks(Date.now()).keys.length, 2);

    const later = fakeClock(new Date(Date.now() + 3_600_000).toISOString());
    await rotate(later);
    assert.deepEqual(await kids(), [second]);
  });

  /** Makes every key as old as that. */
  async function ageKeys(days: number): Promise<void> {
    for (const { key } of await db.query<{ key: string }>('select key from signing_key')) {
      const parsed = JSON.parse(key) as { kid: string; activeFromMs: number };
      const activeFromMs = parsed.activeFromMs - days * 86_400_000;
      await SigningKeys.open([JSON.stringify({ ...parsed, activeFromMs })]);
      await db.query('update signing_key set key = $2, active_from = $3 where kid = $1', [
        parsed.kid,
        JSON.stringify({ ...parsed, activeFromMs }),
        new Date(activeFromMs).toISOString(),
      ]);
    }
  }
});

describe('what ended', () => {
  let host: HostedUser;
  before(async () => {
    host = await hostUser(database.url);
  });
  after(() => host.stop());

  const register = async () => {
    const person = { email: `${newId()}@example.com`, password: 'correct horse battery', name: 'Ada' };
    return (await host.call('POST', '/api/v1/auth/register', { body: person })).body;
  };
  const logOut = ({ accessToken, refreshToken }: { accessToken: string; refreshToken: string }) =>
    host.call('POST', '/api/v1/auth/logout', { token: accessToken, body: { refreshToken } });
  const ended = async (query: object = {}) =>
    (await host.ask('listRevocations', { query })).body as {
      asOf: string;
      users: { userId: string }[];
      sessions: { sessionId: string }[];
    };

  it('is told to verifiers that ask, as long as a token could look good', async () => {
    const gone = await register();
    const out = await register();
    await logOut(out);
    await host.call('DELETE', '/api/v1/users/me', { token: gone.accessToken });
    const [{ id: sessionId = '' } = {}] = await host.db.query<{ id: string }>(
      'select id from session where account_id = $1',
      [out.user.id],
    );
    const all = await ended();
    assert.ok(all.users.some(({ userId }) => userId === gone.user.id));
    assert.ok(all.sessions.some((session) => session.sessionId === sessionId));
    const next = await ended({ since: all.asOf });
    assert.ok(
      next.sessions.some((session) => session.sessionId === sessionId),
      'what is a minute old is told again',
    );
    await host.db.query(`update session set ended_at = now() - interval '2 minutes' where id = $1`, [sessionId]);
    assert.ok(!(await ended({ since: all.asOf })).sessions.some((session) => session.sessionId === sessionId));
    await host.db.query(`update session set ended_at = now() - interval '26 minutes' where id = $1`, [sessionId]);
    assert.ok(!(await ended()).sessions.some((session) => session.sessionId === sessionId));
  });

  it('is forgotten a day later, and what is live stays', async () => {
    const live = await register();
    const out = await register();
    await logOut(out);
    await host.db.query(`update session set ended_at = now() - interval '25 hours' where account_id = $1`, [
      out.user.id,
    ]);
    await forgetEnded.run(host.service);
    const sessionsOf = (id: string) => host.db.query('select from session where account_id = $1', [id]);
    assert.equal((await sessionsOf(out.user.id)).length, 0);
    assert.equal((await sessionsOf(live.user.id)).length, 1);
    const tokens = await host.db.query('select from refresh_token where hash = $1', [hashSecret(out.refreshToken)]);
    assert.equal(tokens.length, 0);
    const renewed = await host.call('POST', '/api/v1/auth/refresh', { body: { refreshToken: live.refreshToken } });
    assert.equal(renewed.status, 200);
  });
});
