import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Notification } from '@stoa/contracts/notification';
import type { SignedIn } from '@stoa/contracts/user';
import { newId } from '@stoa/platform/ids';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { type Answered, adminOfTests, type HostedUser, hostUser } from './testing/host-user.ts';
import { cartOf, orderOf } from './testing/neighbours.ts';

let database: TestDatabase;
let host: HostedUser;

before(async () => {
  database = await testDatabase('user account');
  host = await hostUser(database.url);
});
after(async () => {
  await host.stop();
  await database.drop();
});

const password = 'correct horse battery';
let people = 0;
const newEmail = () => `person-${++people}@example.com`;

async function register(email = newEmail(), name = 'Ada Lovelace'): Promise<SignedIn> {
  const { status, body } = await host.call('POST', '/api/v1/auth/register', { body: { email, password, name } });
  assert.equal(status, 201);
  return body;
}
const logIn = (email: string, word = password) =>
  host.call('POST', '/api/v1/auth/login', { body: { email, password: word } });
const me = (token: string, headers = {}) => host.call('GET', '/api/v1/users/me', { token, headers });
const patchMe = (token: string, body: unknown, headers = {}) =>
  host.call('PATCH', '/api/v1/users/me', { token, body, headers });
const refresh = (refreshToken: string) => host.call('POST', '/api/v1/auth/refresh', { body: { refreshToken } });

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code]);
}

const home = { name: 'Ada', line1: '1 Analytical Way', city: 'London', postalCode: 'N1', country: 'GB' };

describe('my account', () => {
  it('is not to be had without a token', async () => {
    for (const [method, path] of [
      ['GET', '/api/v1/users/me'],
      ['PATCH', '/api/v1/users/me'],
      ['DELETE', '/api/v1/users/me'],
      ['GET', '/api/v1/users/me/export'],
      ['GET', '/api/v1/users/me/sessions'],
    ] as const) {
      assertProblem(await host.call(method, path), 401, 'auth.missing');
    }
  });

  it('changes only what was sent', async () => {
    const { accessToken } = await register();
    const first = await patchMe(accessToken, { name: 'Countess', addresses: [home] });
    assert.deepEqual([first.status, first.body.name], [200, 'Countess']);
    const [address] = first.body.addresses;
    assert.deepEqual({ ...address, id: '' }, { ...home, id: '', isDefault: true });
    const second = await patchMe(accessToken, { metadata: { tier: 'gold' } });
    assert.deepEqual([second.body.name, second.body.addresses], ['Countess', [address]]);
    assert.deepEqual((await me(accessToken)).body, second.body);
    const told = host.told.findLast(({ payload }) => payload.userId === second.body.id);
    assert.deepEqual([told?.type, told?.payload.metadata], ['user.changed.v1', { tier: 'gold' }]);
  });

  it('refuses what nobody may set, and what has not the shape', async () => {
    const { accessToken, user } = await register();
    const bad = [
      { role: 'admin' },
      { id: user.id },
      { email: 'other@example.com' },
      { active: true },
      { version: 1 },
      { externalId: 'x' },
      { createdAt: user.createdAt },
      { name: '' },
      { name: null },
      { addresses: {} },
      { addresses: [{ ...home, country: 'Britain' }] },
      { addresses: [{ ...home, id: user.id }] },
      { addresses: Array.from({ length: 51 }, () => home) },
      { metadata: { a: 1 } },
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`k${at}`, 'v'])) },
      { password: 'another fine password' },
      { currentPassword: password },
    ];
    for (const body of bad) assertProblem(await patchMe(accessToken, body), 400, 'request.invalid');
    assert.deepEqual((await me(accessToken)).body, user);
  });

  it('answers 304 to who has it already and 412 to who has an old one', async () => {
    const { accessToken } = await register();
    const etag = (await me(accessToken)).headers.get('etag') as string;
    assert.equal((await me(accessToken, { 'if-none-match': etag })).status, 304);
    assert.equal((await patchMe(accessToken, { name: 'New' }, { 'if-match': etag })).status, 200);
    assertProblem(await patchMe(accessToken, { name: 'Newer' }, { 'if-match': etag }), 412, 'resource.stale');
    const erase = await host.call('DELETE', '/api/v1/users/me', { token: accessToken, headers: { 'if-match': etag } });
    assertProblem(erase, 412, 'resource.stale');
    assert.equal((await me(accessToken)).body.name, 'New');
  });

  it('lets one of many changes of the same version through', async () => {
    const { accessToken } = await register();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => patchMe(accessToken, { name: `Name ${at}` }, { 'if-match': '"1"' })),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(answers.filter(({ status }) => status === 412).length, 9);
  });
});

describe('changing my password', () => {
  it('voids every access token, ends the other sessions and keeps this one', async () => {
    const email = newEmail();
    const mine = await register(email);
    const { body: other } = await logIn(email);
    const changed = await patchMe(mine.accessToken, { currentPassword: password, password: 'a much newer one' });
    assert.equal(changed.status, 200);
    assertProblem(await me(mine.accessToken), 401, 'auth.invalid');
    assertProblem(await me(other.accessToken), 401, 'auth.invalid');
    assertProblem(await refresh(other.refreshToken), 401, 'auth.invalid');
    const { body: renewed } = await refresh(mine.refreshToken);
    assert.equal((await me(renewed.accessToken)).status, 200);
    assertProblem(await logIn(email), 401, 'auth.invalid-credentials');
    assert.equal((await logIn(email, 'a much newer one')).status, 200);
  });

  it('needs the current one and a good new one', async () => {
    const email = newEmail();
    const { accessToken } = await register(email);
    const wrong = await patchMe(accessToken, { currentPassword: 'not it at all', password: 'a much newer one' });
    assertProblem(wrong, 400, 'request.invalid');
    assert.equal(wrong.body.errors[0]?.path, '/currentPassword');
    assertProblem(await patchMe(accessToken, { currentPassword: password, password: 'short' }), 400, 'request.invalid');
    assert.equal((await logIn(email)).status, 200);
  });

  it('happens once when two change it at once', async () => {
    const { accessToken } = await register();
    const answers = await Promise.all(
      ['first new password', 'second new password'].map((word) =>
        patchMe(accessToken, { currentPassword: password, password: word }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
  });
});

describe('my sessions', () => {
  const sessions = (token: string, query = '') => host.call('GET', `/api/v1/users/me/sessions${query}`, { token });

  it('are listed newest first, page by page, with the one that asks marked', async () => {
    const email = newEmail();
    const first = await register(email);
    await logIn(email);
    await logIn(email);
    const all = await sessions(first.accessToken);
    assert.deepEqual(
      all.body.items.map(({ current }) => current),
      [false, false, true],
    );
    const page = await sessions(first.accessToken, '?limit=2');
    assert.equal(page.body.items.length, 2);
    const rest = await sessions(first.accessToken, `?limit=2&cursor=${page.body.nextCursor}`);
    assert.deepEqual([...page.body.items, ...rest.body.items], all.body.items);
    assert.equal(rest.body.nextCursor, null);
  });

  it('can be ended one by one, and only by their owner', async () => {
    const email = newEmail();
    const mine = await register(email);
    const { body: other } = await logIn(email);
    const stranger = await register();
    const [newest] = (await sessions(mine.accessToken)).body.items;
    const end = (token: string) => host.call('DELETE', `/api/v1/users/me/sessions/${newest?.id}`, { token });
    assertProblem(await end(stranger.accessToken), 404, 'session.not-found');
    assert.equal((await me(other.accessToken)).status, 200);
    assert.equal((await end(mine.accessToken)).status, 204);
    assertProblem(await me(other.accessToken), 401, 'auth.invalid');
    assertProblem(await refresh(other.refreshToken), 401, 'auth.invalid');
    assertProblem(await end(mine.accessToken), 404, 'session.not-found');
  });

  it('refuses forged cursors and limits', async () => {
    const { accessToken } = await register();
    for (const query of [
      '?limit=0',
      '?limit=101',
      '?limit=-1',
      '?limit=1e3',
      '?cursor=x',
      '?cursor=bnVsbA',
      '?what=1',
    ]) {
      assertProblem(await sessions(accessToken, query), 400, 'request.invalid');
    }
    const malformed = await host.call('DELETE', '/api/v1/users/me/sessions/not-an-id', { token: accessToken });
    assertProblem(malformed, 400, 'request.invalid');
  });
});

describe('erasing myself', () => {
  const erase = (token: string) => host.call('DELETE', '/api/v1/users/me', { token });

  it('leaves nothing in any table that tells who I was, and tells the other services', async () => {
    const email = 'Zebedee.Quagmire@unusual.example.com';
    const { accessToken, refreshToken, user } = await register(email, 'Zebedee Quagmire');
    await patchMe(accessToken, {
      addresses: [{ ...home, name: 'Zebedee Quagmire', line1: '17 Xylophone Yard' }],
      metadata: { note: 'Quagmire is a good customer' },
    });
    await host.call('POST', '/api/v1/auth/password/forgot', { body: { email } });
    assert.notDeepEqual(await rowsWith('quagmire'), []);

    assert.equal((await erase(accessToken)).status, 204);

    for (const word of ['quagmire', 'xylophone', 'unusual.example']) assert.deepEqual(await rowsWith(word), []);
    const told = host.told.findLast(({ payload }) => payload.userId === user.id);
    assert.equal(told?.type, 'user.erased.v1');
    assertProblem(await me(accessToken), 401, 'auth.invalid');
    assertProblem(await refresh(refreshToken), 401, 'auth.invalid');
    assertProblem(await logIn(email), 401, 'auth.invalid-credentials');
    assert.equal((await host.ask('getContact', { params: { id: user.id } })).status, 404);
  });

  it('frees the address for a new account', async () => {
    const email = newEmail();
    const before = await register(email);
    await erase(before.accessToken);
    const now = await register(email);
    assert.notEqual(now.user.id, before.user.id);
  });

  it('happens once, however often it is asked for at once', async () => {
    const { accessToken, user } = await register();
    const answers = await Promise.all(Array.from({ length: 5 }, () => erase(accessToken)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [204, 401]);
    assert.equal(answers.filter(({ status }) => status === 204).length, 1);
    const events = host.told.filter(({ type, payload }) => type === 'user.erased.v1' && payload.userId === user.id);
    assert.equal(events.length, 1);
  });

  it('is refused to the last admin, and takes the keys of another one away', async () => {
    const { body: last } = await logIn(adminOfTests.email, adminOfTests.password);
    assertProblem(await erase(last.accessToken), 409, 'user.last-admin');
    const other = await register();
    const promote = { token: last.accessToken, body: { role: 'admin' } };
    await host.call('PATCH', `/api/v1/users/${other.user.id}`, promote);
    const { body: admin } = await refresh(other.refreshToken);
    const made = await host.call('POST', '/api/v1/api-keys', {
      token: admin.accessToken,
      body: { name: 'Quagmire till', role: 'operator' },
    });
    assert.equal(made.status, 201);
    assert.equal((await erase(admin.accessToken)).status, 204);
    assert.deepEqual(await rowsWith('quagmire'), []);
    const revoked = host.told.find(({ type, payload }) => type.includes('api-key') && payload.keyId === made.body.id);
    assert.ok(revoked);
  });

  it('leaves one admin when the last two erase themselves at once', async () => {
    const { body: last } = await logIn(adminOfTests.email, adminOfTests.password);
    const other = await register();
    await host.call('PATCH', `/api/v1/users/${other.user.id}`, { token: last.accessToken, body: { role: 'admin' } });
    const { body: admin } = await refresh(other.refreshToken);
    const answers = await Promise.all([erase(last.accessToken), erase(admin.accessToken)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 409]);
  });
});

describe('my export', () => {
  const exportMe = (token: string) => host.call('GET', '/api/v1/users/me/export', { token });

  it('holds what every service keeps about me and nothing of others', async () => {
    const email = newEmail();
    const { accessToken, user } = await register(email, 'Grace Hopper');
    await register(newEmail(), 'Somebody Else');
    await host.call('POST', '/api/v1/auth/password/forgot', { body: { email } });
    const orders = [newId(), newId(), newId()].map((id) => orderOf(id, user.id));
    host.neighbours.orders = new Map([[user.id, orders]]);
    host.neighbours.carts = [newId(), newId()].map(cartOf);
    host.neighbours.notifications = [newId(), newId()].map((id) => ({ ...mail, id }));
    const { status, body } = await exportMe(accessToken);
    assert.equal(status, 200);
    assert.deepEqual(body.user, user);
    assert.deepEqual([body.sessions.length, body.apiKeys.length, body.passwordResets.length], [1, 0, 1]);
    assert.deepEqual(body.orders, orders);
    assert.deepEqual(body.carts, host.neighbours.carts);
    assert.deepEqual(body.notifications, host.neighbours.notifications);
    assert.equal(body.notificationPreferences.marketing, false);
    assert.doesNotMatch(JSON.stringify(body), /argon2|Somebody/);
  });

  it('fails when a service cannot be asked, for half of it would pass for all', async () => {
    const { accessToken } = await register();
    host.neighbours.orders = 'down';
    assertProblem(await exportMe(accessToken), 503, 'service.unavailable');
  });
});

const mail: Omit<Notification, 'id'> = {
  template: 'order-confirmed',
  channel: 'email',
  outcome: 'sent',
  reason: null,
  recipient: 'g***@example.com',
  orderId: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  sentAt: '2026-01-01T00:00:01.000Z',
};

/** Tables in which any column of any row contains the word, in any case. */
async function rowsWith(word: string): Promise<string[]> {
  const tables = await host.db.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_schema in ('public', 'kit') and table_type = 'BASE TABLE' order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await host.db.query(`select from ${name} as row where row::text ilike $1 limit 1`, [`%${word}%`]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}
