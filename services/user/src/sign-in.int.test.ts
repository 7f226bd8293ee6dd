import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { hashSecret } from '@stoa/platform/auth';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { type Answered, adminOfTests, type HostedUser, hostUser } from './testing/host-user.ts';

let database: TestDatabase;
let host: HostedUser;

before(async () => {
  database = await testDatabase('user sign in');
  host = await hostUser(database.url);
});
after(async () => {
  await host.stop();
  await database.drop();
});

const password = 'correct horse battery';
let people = 0;
const newEmail = () => `person-${++people}@example.com`;
const register = (email = newEmail()) =>
  host.call('POST', '/api/v1/auth/register', { body: { email, password, name: 'Ada Lovelace' } });
const logIn = (email: string, word = password) =>
  host.call('POST', '/api/v1/auth/login', { body: { email, password: word } });
const refresh = (refreshToken: string) => host.call('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
const me = (token: string) => host.call('GET', '/api/v1/users/me', { token });

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code]);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
}

/** Lets so many seconds pass since the token was exchanged. */
async function age(refreshToken: string, seconds: number): Promise<void> {
  await host.db.query('update refresh_token set used_at = used_at - make_interval(secs => $2) where hash = $1', [
    hashSecret(refreshToken),
    seconds,
  ]);
}

describe('registering', () => {
  it('opens an account, signs in, and tells others without name and address', async () => {
    const answer = await register('Ada.Lovelace@Example.com');
    assert.equal(answer.status, 201);
    assert.equal(answer.body.expiresIn, 900);
    const { user } = answer.body;
    assert.deepEqual(
      [user.email, user.name, user.role, user.addresses, user.metadata],
      ['Ada.Lovelace@Example.com', 'Ada Lovelace', 'customer', [], {}],
    );
    assert.deepEqual((await me(answer.body.accessToken)).body, user);
    const told = host.told.find(({ payload }) => payload.userId === user.id);
    assert.equal(told?.type, 'user.registered.v1');
    assert.doesNotMatch(JSON.stringify(told), /lovelace|example/i);
  });

  it('refuses an address that has an account, in whatever case', async () => {
    const email = newEmail();
    await register(email);
    assertProblem(await register(email.toUpperCase()), 409, 'user.email-taken');
  });

  it('gives one account to fifty who register the same address at once', async () => {
    const email = newEmail();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => register(at % 2 ? email : email.toUpperCase())),
    );
    const statuses = answers.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 201).length, 1);
    assert.deepEqual([...new Set(statuses)].sort(), [201, 409]);
    const rows = await host.db.query('select from account where email_key = $1', [email]);
    assert.equal(rows.length, 1);
  });

  it('refuses passwords that are too short, too long or common', async () => {
    for (const bad of ['seven77', 'x'.repeat(129), 'password123', 'p'.repeat(5000)]) {
      const body = { email: newEmail(), password: bad, name: 'Ada' };
      const answer = await host.call('POST', '/api/v1/auth/register', { body });
      assertProblem(answer, 400, 'request.invalid');
      assert.deepEqual(answer.body.errors[0]?.path, '/password');
    }
  });

  it('refuses what is no registration, and stores nothing of it', async () => {
    const good = { email: newEmail(), password, name: 'Ada' };
    const [{ count: before = 0 } = {}] = await host.db.query<{ count: number }>('select count(*) from account');
    const bad = [
      { ...good, role: 'admin' },
      { ...good, id: '0190a0a0-0000-7000-8000-000000000001' },
      { ...good, active: true },
      { ...good, email: 'no address' },
      { ...good, email: `${'x'.repeat(300)}@example.com` },
      { ...good, name: ' ' },
      { ...good, name: 'a\r\nb' },
      { ...good, name: 'n'.repeat(201) },
      { ...good, name: ['Ada'] },
      { ...good, password: 12345678 },
      { email: good.email, password },
      [],
      '{"email":',
      `{"email":"${good.email}","email":"other@example.com"}`,
      `{"email":"${good.email}","password":"${password}","name":"\\ud800"}`,
      `{"email":"${good.email}","password":"${password}","name":"a\\u0000"}`,
      `{"__proto__":{"role":"admin"},"email":"${good.email}","password":"${password}","name":"Ada"}`,
    ];
    for (const body of bad)
      assertProblem(await host.call('POST', '/api/v1/auth/register', { body }), 400, 'request.invalid');
    const [{ count: now = 0 } = {}] = await host.db.query<{ count: number }>('select count(*) from account');
    assert.equal(now, before);
  });

  it('stores neither the password nor a token', async () => {
    const { body } = await register();
    const rows = await host.db.query('select password_hash from account union all select hash from refresh_token');
    const stored = JSON.stringify(rows);
    assert.ok(!stored.includes(password) && !stored.includes(body.refreshToken));
    assert.match(stored, /\$argon2id\$/);
  });
});

describe('logging in', () => {
  it('takes the right password, with the address in any case', async () => {
    const email = newEmail();
    await register(email);
    const answer = await logIn(email.toUpperCase());
    assert.equal(answer.status, 200);
    assert.equal((await me(answer.body.accessToken)).body.email, email);
  });

  it('answers alike for a wrong password, an unknown address and an account without a password', async () => {
    const email = newEmail();
    await register(email);
    const { body: admin } = await logIn(adminOfTests.email, adminOfTests.password);
    const imported = newEmail();
    await host.call('POST', '/api/v1/users', {
      token: admin.accessToken,
      body: { email: imported, name: 'Imported' },
    });
    const answers = [
      await logIn(email, 'wrong password'),
      await logIn(newEmail()),
      await logIn(imported),
      await logIn(email, 'x'.repeat(1000)),
    ];
    for (const answer of answers) {
      assertProblem(answer, 401, 'auth.invalid-credentials');
      assert.equal(answer.body.detail, answers[0]?.body.detail);
    }
  });

  it('hashes as much for an unknown address as for a known one', async () => {
    const email = newEmail();
    await register(email);
    const timeOf = async (address: string) => {
      const startedMs = performance.now();
      await logIn(address, 'wrong password');
      return performance.now() - startedMs;
    };
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let round = 0; round < 9; round++) {
      times.known.push(await timeOf(email));
      times.unknown.push(await timeOf(newEmail()));
    }
    const median = (list: number[]) => list.sort((a, b) => a - b)[4] as number;
    const ratio = median(times.unknown) / median(times.known);
    assert.ok(ratio > 0.5 && ratio < 2, `unknown takes ${ratio} of the time of known`);
  });
});

describe('refreshing', () => {
  it('rotates the token and keeps the session', async () => {
    const { body: first } = await register();
    const { status, body: second } = await refresh(first.refreshToken);
    assert.equal(status, 200);
    assert.notEqual(second.refreshToken, first.refreshToken);
    assert.equal((await me(second.accessToken)).status, 200);
    const { body: third } = await refresh(second.refreshToken);
    const { body: sessions } = await host.call('GET', '/api/v1/users/me/sessions', { token: third.accessToken });
    assert.equal(sessions.items.length, 1);
  });

  it('gives the same successor again within ten seconds', async () => {
    const { body: first } = await register();
    const { body: second } = await refresh(first.refreshToken);
    await age(first.refreshToken, 9);
    const again = await refresh(first.refreshToken);
    assert.equal(again.status, 200);
    assert.equal(again.body.refreshToken, second.refreshToken);
  });

  it('gives one successor to many who present the token at once', async () => {
    const { body: first } = await register();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first.refreshToken)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal(new Set(answers.map(({ body }) => body.refreshToken)).size, 1);
    const rows = await host.db.query(
      'select from refresh_token where session_id = (select session_id from refresh_token where hash = $1)',
      [hashSecret(first.refreshToken)],
    );
    assert.equal(rows.length, 2);
  });

  it('ends the whole family when a token comes again later', async () => {
    const { body: first } = await register();
    const { body: second } = await refresh(first.refreshToken);
    await age(first.refreshToken, 11);
    assertProblem(await refresh(first.refreshToken), 401, 'auth.refresh-reused');
    assertProblem(await refresh(second.refreshToken), 401, 'auth.invalid');
    assertProblem(await me(second.accessToken), 401, 'auth.invalid');
    assert.ok(
      host.told.some(({ type, payload }) => type === 'user.session-ended.v1' && payload.userId === first.user.id),
    );
  });

  it('leaves other sessions of the user alone when one family ends', async () => {
    const email = newEmail();
    const { body: first } = await register(email);
    const { body: other } = await logIn(email);
    await refresh(first.refreshToken);
    await age(first.refreshToken, 11);
    await refresh(first.refreshToken);
    assert.equal((await refresh(other.refreshToken)).status, 200);
  });

  it('refuses access tokens, unknown tokens and expired ones', async () => {
    const { body } = await register();
    assertProblem(await refresh(body.refreshToken.slice(0, -1)), 401, 'auth.invalid');
    assert.equal((await refresh(body.accessToken)).status, 400);
    assertProblem(await me(body.refreshToken), 401, 'auth.invalid');
    await host.db.query(`update refresh_token set expires_at = now() where hash = $1`, [hashSecret(body.refreshToken)]);
    assertProblem(await refresh(body.refreshToken), 401, 'auth.invalid');
  });
});

describe('logging out', () => {
  const logOut = (token: string | undefined, refreshToken: string) =>
    host.call('POST', '/api/v1/auth/logout', { ...(token && { token }), body: { refreshToken } });

  it('ends the session and its access tokens', async () => {
    const { body } = await register();
    assert.equal((await logOut(body.accessToken, body.refreshToken)).status, 204);
    assertProblem(await refresh(body.refreshToken), 401, 'auth.invalid');
    assertProblem(await me(body.accessToken), 401, 'auth.invalid');
  });

  it("ends nobody else's session", async () => {
    const [{ body: mine }, { body: other }] = await Promise.all([register(), register()]);
    assert.equal((await logOut(mine.accessToken, other.refreshToken)).status, 204);
    assert.equal((await refresh(other.refreshToken)).status, 200);
  });

  it('needs a token', async () => {
    const { body } = await register();
    assertProblem(await logOut(undefined, body.refreshToken), 401, 'auth.missing');
    assert.equal((await refresh(body.refreshToken)).status, 200);
  });
});
