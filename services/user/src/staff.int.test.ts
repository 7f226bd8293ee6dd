import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SignedIn } from '@stoa/contracts/user';
import { hashSecret } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { type Answered, adminOfTests, type HostedUser, hostUser } from './testing/host-user.ts';

let database: TestDatabase;
let host: HostedUser;
let admin: string;
let adminId: string;

before(async () => {
  database = await testDatabase('user staff');
  host = await hostUser(database.url);
  const { body } = await host.call('POST', '/api/v1/auth/login', { body: adminOfTests });
  admin = body.accessToken;
  adminId = body.user.id;
});
after(async () => {
  await host.stop();
  await database.drop();
});

let people = 0;
const newEmail = () => `person-${++people}@example.com`;

async function register(role?: string): Promise<SignedIn> {
  const person = { email: newEmail(), password: 'correct horse battery', name: 'Ada' };
  const { body } = await host.call('POST', '/api/v1/auth/register', { body: person });
  if (role === undefined) return body;
  await patch(body.user.id, { role });
  return (await refresh(body.refreshToken)).body;
}
const refresh = (refreshToken: string) => host.call('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
const patch = (id: string, body: unknown, token = admin, headers = {}) =>
  host.call('PATCH', `/api/v1/users/${id}`, { token, body, headers });
const get = (id: string, token: string) => host.call('GET', `/api/v1/users/${id}`, { token });
const create = (body: unknown, token = admin) => host.call('POST', '/api/v1/users', { token, body });
const list = (query = '', token = admin) => host.call('GET', `/api/v1/users${query}`, { token });

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code]);
}

describe('roles', () => {
  it('decide who may call what', async () => {
    const callers = {
      customer: (await register()).accessToken,
      support: (await register('support')).accessToken,
      merchandiser: (await register('merchandiser')).accessToken,
      operator: (await register('operator')).accessToken,
      admin,
    };
    const other = (await register()).user.id;
    const calls = {
      list: (token: string) => list('', token),
      get: (token: string) => get(other, token),
      create: (token: string) => create({ email: newEmail(), name: 'New' }, token),
      change: (token: string) => patch(other, { active: true }, token),
      keys: (token: string) => host.call('GET', '/api/v1/api-keys', { token }),
      makeKey: (token: string) =>
        host.call('POST', '/api/v1/api-keys', { token, body: { name: 'k', role: 'operator' } }),
      deleteKey: (token: string) => host.call('DELETE', `/api/v1/api-keys/${newId()}`, { token }),
    };
    const expected: Record<keyof typeof calls, Record<string, number>> = {
      list: { customer: 403, support: 200, merchandiser: 403, operator: 403, admin: 200 },
      get: { customer: 404, support: 200, merchandiser: 404, operator: 404, admin: 200 },
      create: { customer: 403, support: 403, merchandiser: 403, operator: 403, admin: 201 },
      change: { customer: 403, support: 403, merchandiser: 403, operator: 403, admin: 200 },
      keys: { customer: 403, support: 403, merchandiser: 403, operator: 403, admin: 200 },
      makeKey: { customer: 403, support: 403, merchandiser: 403, operator: 403, admin: 201 },
      deleteKey: { customer: 403, support: 403, merchandiser: 403, operator: 403, admin: 404 },
    };
    for (const [name, call] of Object.entries(calls)) {
      const statuses: Record<string, number> = {};
      for (const [role, token] of Object.entries(callers)) statuses[role] = (await call(token)).status;
      assert.deepEqual(statuses, expected[name as keyof typeof calls], name);
    }
  });

  it('do not matter for oneself', async () => {
    const { accessToken, user } = await register();
    assert.deepEqual((await get(user.id, accessToken)).body, user);
  });
});

describe('making users', () => {
  it('makes an account without a password, findable by its external id', async () => {
    const externalId = `crm-${newId()}`;
    const made = await create({ email: newEmail(), name: 'Imported', externalId, metadata: { source: 'crm' } });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), `/api/v1/users/${made.body.id}`);
    assert.deepEqual(
      [made.body.role, made.body.externalId, made.body.metadata],
      ['customer', externalId, { source: 'crm' }],
    );
    assert.deepEqual((await list(`?externalId=${externalId}`)).body.items, [made.body]);
    assert.ok(host.told.some(({ type, payload }) => type === 'user.registered.v1' && payload.userId === made.body.id));
  });

  it('refuses an external id or an address that another user has', async () => {
    const first = { email: newEmail(), name: 'First', externalId: newId() };
    await create(first);
    assertProblem(await create({ ...first, email: newEmail() }), 409, 'user.external-id-taken');
    assertProblem(await create({ ...first, externalId: newId() }), 409, 'user.email-taken');
    assertProblem(await create(first), 409, 'user.external-id-taken');
  });

  it('gives one account to many who import the same person at once', async () => {
    const person = { email: newEmail(), name: 'Imported', externalId: newId() };
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(person)));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    assert.equal(answers.filter(({ body }) => body.code === 'user.external-id-taken').length, 19);
  });

  it('refuses what has not the shape', async () => {
    const good = { email: newEmail(), name: 'Ada' };
    for (const more of [
      { password: 'x' },
      { role: 'owner' },
      { id: newId() },
      { externalId: '' },
      { name: '\u0007' },
    ]) {
      assertProblem(await create({ ...good, ...more }), 400, 'request.invalid');
    }
  });
});

describe('the list of users', () => {
  it('stays stable while users are added', async () => {
    for (let count = 0; count < 5; count++) await create({ email: newEmail(), name: 'Listed' });
    const all = (await list('?limit=100')).body.items.map(({ id }) => id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await list(`?limit=2${cursor}`);
      seen.push(...body.items.map(({ id }) => id));
      await create({ email: newEmail(), name: 'Late' });
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    assert.deepEqual(seen, all);
  });

  it('filters by role, state, address and both', async () => {
    const { user } = await register('merchandiser');
    await patch(user.id, { active: false });
    const ids = async (query: string) => (await list(query)).body.items.map(({ id }) => id);
    assert.ok((await ids('?role=merchandiser&limit=100')).includes(user.id));
    assert.ok(!(await ids('?role=support&limit=100')).includes(user.id));
    assert.deepEqual(await ids('?active=false&role=merchandiser'), [user.id]);
    assert.deepEqual(await ids(`?email=${encodeURIComponent(user.email.toUpperCase())}`), [user.id]);
    for (const query of ['?role=owner', '?active=yes', '?email=x', '?limit=1000000000', '?cursor=eyJhIjoxfQ']) {
      assertProblem(await list(query), 400, 'request.invalid');
    }
  });
});

describe('changing users', () => {
  it('voids their access tokens; a new role comes with the next ones', async () => {
    const person = await register();
    assert.equal((await patch(person.user.id, { role: 'support' })).body.role, 'support');
    assertProblem(await get(person.user.id, person.accessToken), 401, 'auth.invalid');
    const { body } = await refresh(person.refreshToken);
    assert.equal((await list('', body.accessToken)).status, 200);
    const told = host.told.findLast(({ payload }) => payload.userId === person.user.id);
    assert.deepEqual([told?.type, told?.payload.role], ['user.changed.v1', 'support']);
  });

  it('ends every session of a deactivated user, who can sign in again when reactivated', async () => {
    const person = await register();
    await patch(person.user.id, { active: false });
    assertProblem(await refresh(person.refreshToken), 401, 'auth.invalid');
    const credentials = { email: person.user.email, password: 'correct horse battery' };
    const logIn = () => host.call('POST', '/api/v1/auth/login', { body: credentials });
    assertProblem(await logIn(), 401, 'auth.invalid-credentials');
    await patch(person.user.id, { active: true });
    assertProblem(await refresh(person.refreshToken), 401, 'auth.invalid');
    assert.equal((await logIn()).status, 200);
  });

  it('makes no token with the old role, however a refresh races the change', async () => {
    for (let round = 0; round < 10; round++) {
      const person = await register();
      const [, renewed] = await Promise.all([patch(person.user.id, { role: 'support' }), refresh(person.refreshToken)]);
      const { status } = await list('', renewed.body.accessToken);
      assert.notEqual(status, 403, 'a good token says the new role');
    }
  });

  it('compares the version', async () => {
    const { user } = await register();
    assertProblem(await patch(user.id, { role: 'support' }, admin, { 'if-match': '"99"' }), 412, 'resource.stale');
    const now = await patch(user.id, { role: 'support' }, admin, { 'if-match': `"${user.version}"` });
    assert.deepEqual([now.status, now.headers.get('etag')], [200, `"${user.version + 1}"`]);
  });

  it('refuses unknown users, unknown roles and fields that are not theirs to change', async () => {
    const { user } = await register();
    assertProblem(await patch(newId(), { active: false }), 404, 'user.not-found');
    for (const body of [
      { role: 'root' },
      { active: 'no' },
      { email: 'a@example.com' },
      { name: 'x' },
      { id: newId() },
    ]) {
      assertProblem(await patch(user.id, body), 400, 'request.invalid');
    }
    assertProblem(await patch('1', {}), 400, 'request.invalid');
  });

  it('keeps the last admin, also when two admins demote each other at once', async () => {
    assertProblem(await patch(adminId, { role: 'customer' }), 409, 'user.last-admin');
    assertProblem(await patch(adminId, { active: false }), 409, 'user.last-admin');
    for (let round = 0; round < 5; round++) {
      const other = await register('admin');
      const answers = await Promise.all([
        patch(adminId, { active: false }, other.accessToken),
        patch(other.user.id, { active: false }, admin),
      ]);
      // Whoever comes second is the last admin, or has been deactivated by then.
      assert.equal(answers.filter(({ status }) => status === 200).length, 1);
      const [{ count = 0 } = {}] = await host.db.query<{ count: number }>(
        `select count(*) from account where role = 'admin' and active`,
      );
      assert.equal(count, 1);
      await host.db.query('update account set active = (id = $1) where id in ($1, $2)', [adminId, other.user.id]);
      admin = (await host.call('POST', '/api/v1/auth/login', { body: adminOfTests })).body.accessToken;
    }
  });
});

describe("machines' keys", () => {
  const make = (role: string) =>
    host.call('POST', '/api/v1/api-keys', { token: admin, body: { name: 'Importer', role } });

  it('are shown once, stored hashed, and act with their role', async () => {
    const made = await make('admin');
    assert.equal(made.status, 201);
    const { key, ...kept } = made.body;
    assert.match(key, /^stoa_key_/);
    const { body } = await host.call('GET', '/api/v1/api-keys', { token: admin });
    assert.deepEqual(
      body.items.find(({ id }) => id === kept.id),
      kept,
    );
    const rows = await host.db.query('select * from api_key');
    assert.ok(!JSON.stringify(rows).includes(key));
    assert.equal((await list('', key)).status, 200);
    assertProblem(await host.call('GET', '/api/v1/users/me', { token: key }), 403, 'auth.forbidden');
  });

  it('are found by their hash until they are deleted', async () => {
    const { body } = await make('support');
    const verify = () => host.ask('verifyApiKey', { body: { hash: hashSecret(body.key) } });
    assert.deepEqual((await verify()).body, { id: body.id, name: 'Importer', role: 'support' });
    const listed = await host.call('GET', '/api/v1/api-keys', { token: admin });
    assert.notEqual(listed.body.items.find(({ id }) => id === body.id)?.lastUsedAt, null);
    const drop = () => host.call('DELETE', `/api/v1/api-keys/${body.id}`, { token: admin });
    assert.equal((await drop()).status, 204);
    assert.equal((await verify()).status, 404);
    assertProblem(await drop(), 404, 'api-key.not-found');
    assert.ok(host.told.some(({ type, payload }) => type === 'user.api-key-revoked.v1' && payload.keyId === body.id));
  });

  it('end with the rights of the admin who made them, as do those that they made', async () => {
    for (const change of [{ role: 'support' }, { active: false }]) {
      const maker = await register('admin');
      const body = { name: 'Importer', role: 'admin' };
      const first = await host.call('POST', '/api/v1/api-keys', { token: maker.accessToken, body });
      const second = await host.call('POST', '/api/v1/api-keys', { token: first.body.key, body });
      await patch(maker.user.id, { active: true });
      assert.equal((await list('', second.body.key)).status, 200, 'a change that ends nothing ends no key');
      await patch(maker.user.id, change);
      for (const made of [first, second]) {
        const verified = await host.ask('verifyApiKey', { body: { hash: hashSecret(made.body.key) } });
        assert.equal(verified.status, 404);
        const isTold = host.told.some(
          ({ type, payload }) => type === 'user.api-key-revoked.v1' && payload.keyId === made.body.id,
        );
        assert.ok(isTold);
      }
    }
  });

  it('refuses names and roles that are none', async () => {
    for (const body of [
      { name: '', role: 'admin' },
      { name: 'x', role: 'god' },
      { name: 'x' },
      { name: 'x', role: 'admin', key: 'mine' },
    ]) {
      assertProblem(await host.call('POST', '/api/v1/api-keys', { token: admin, body }), 400, 'request.invalid');
    }
  });
});

describe('whoever is an admin no more, and is believed for a moment still', () => {
  const endings: Record<string, (person: SignedIn) => Promise<unknown>> = {
    'was demoted': ({ user }) => patch(user.id, { role: 'support' }),
    'was deactivated': ({ user }) => patch(user.id, { active: false }),
    'signed out': ({ accessToken, refreshToken }) =>
      host.call('POST', '/api/v1/auth/logout', { token: accessToken, body: { refreshToken } }),
    'was erased': ({ accessToken }) => host.call('DELETE', '/api/v1/users/me', { token: accessToken }),
  };
  for (const [ending, end] of Object.entries(endings)) {
    it(`gives no lasting rights: ${ending}`, async () => {
      const person = await register('admin');
      const { id: userId } = person.user;
      const [session] = await host.db.query<{ id: string }>('select id from session where account_id = $1', [userId]);
      const sessionId = session?.id as string;
      const principal = { kind: 'user', userId, role: 'admin', sessionId } as const;
      const accomplice = (await register()).user;
      const email = newEmail();
      await end(person);
      const answers = [
        await host.ask('createApiKey', { principal, body: { name: 'For ever', role: 'admin' } }),
        await host.ask('createUser', { principal, body: { email, name: 'For ever', role: 'admin' } }),
        await host.ask('changeUser', { principal, params: { id: accomplice.id }, body: { role: 'admin' } }),
      ];
      assert.deepEqual(
        answers.map(({ status, body }) => [status, (body as { code?: string }).code]),
        answers.map(() => [401, 'auth.invalid']),
      );
      assert.deepEqual(
        await host.db.query('select from api_key where created_by = $1 and revoked_at is null', [userId]),
        [],
      );
      assert.deepEqual((await list(`?email=${email}`)).body.items, []);
      const stillNone = await list(`?email=${encodeURIComponent(accomplice.email)}`);
      assert.equal(stillNone.body.items[0]?.role, 'customer');
    });
  }

  it('is not told so for ever under its Idempotency-Key', async () => {
    const person = await register('admin');
    const { id: userId } = person.user;
    const principal = { kind: 'user', userId, role: 'admin', sessionId: newId() } as const;
    const body = { email: newEmail(), name: 'Made after all', role: 'support' };
    const key = newId();
    const asked = { principal, body, idempotencyKey: key };
    assert.equal((await host.ask('createUser', asked)).status, 401);
    const headers = { 'idempotency-key': key };
    const again = await host.call('POST', '/api/v1/users', { token: person.accessToken, body, headers });
    assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [201, null]);
  });

  it('makes no key that outlives a change made at the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const person = await register('admin');
      const { accessToken: token, user } = person;
      const body = { name: 'Racing', role: 'admin' };
      const first = await host.call('POST', '/api/v1/api-keys', { token, body });
      const [, ...made] = await Promise.all([
        patch(user.id, { role: 'customer' }),
        host.call('POST', '/api/v1/api-keys', { token, body }),
        host.call('POST', '/api/v1/api-keys', { token: first.body.key, body }),
      ]);
      for (const { status, body } of made.filter(({ status }) => status === 201)) {
        const verified = await host.ask('verifyApiKey', { body: { hash: hashSecret(body.key) } });
        assert.deepEqual([status, verified.status], [201, 404]);
      }
    }
  });
});

describe('contacts', () => {
  it('are told to other services, and to nobody outside', async () => {
    const { user, accessToken } = await register();
    const contact = { id: user.id, email: user.email, name: 'Ada', role: 'customer', active: true };
    assert.deepEqual((await host.ask('getContact', { params: { id: user.id } })).body, contact);
    assert.deepEqual((await host.ask('findContacts', { body: { ids: [newId(), user.id] } })).body, {
      contacts: [contact],
    });
    assert.equal((await host.ask('getContact', { params: { id: newId() } })).status, 404);
    for (const token of [accessToken, admin]) {
      const answer = await host.call('GET', `/internal/user/users/${user.id}`, { token });
      assert.ok(answer.status === 403 || answer.status === 404);
    }
  });
});
