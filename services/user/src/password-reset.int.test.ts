import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { type Answered, adminOfTests, type HostedUser, hostUser } from './testing/host-user.ts';

let database: TestDatabase;
let host: HostedUser;

before(async () => {
  database = await testDatabase('user password reset');
  host = await hostUser(database.url);
});
after(async () => {
  await host.stop();
  await database.drop();
});

const password = 'correct horse battery';
let people = 0;
const newEmail = () => `person-${++people}@example.com`;
const register = async (email: string) =>
  (await host.call('POST', '/api/v1/auth/register', { body: { email, password, name: 'Ada' } })).body;
const logIn = (email: string, word = password) =>
  host.call('POST', '/api/v1/auth/login', { body: { email, password: word } });
const forgot = (email: string) => host.call('POST', '/api/v1/auth/password/forgot', { body: { email } });
const reset = (token: string, word: string) =>
  host.call('POST', '/api/v1/auth/password/reset', { body: { token, password: word } });

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code]);
}

const asked = () => host.told.filter(({ type }) => type === 'user.password-reset-requested.v1');

/** What the notification service would put into the mail. */
async function readMail(email: string): Promise<{ resetId: string; email: string; name: string; token: string }> {
  assert.equal((await forgot(email)).status, 202);
  const resetId = asked().at(-1)?.payload.resetId as string;
  const { status, body } = await host.ask('getPasswordReset', { params: { id: resetId } });
  assert.equal(status, 200);
  return { ...(body as { email: string; name: string; token: string }), resetId };
}

describe('a forgotten password', () => {
  it('can be set anew with the token of the mail, which ends every session', async () => {
    const email = newEmail();
    const before = await register(email);
    const mail = await readMail(email);
    assert.deepEqual([mail.email, mail.name], [email, 'Ada']);
    assert.equal((await reset(mail.token, 'a brand new one')).status, 204);
    assertProblem(await logIn(email), 401, 'auth.invalid-credentials');
    assert.equal((await logIn(email, 'a brand new one')).status, 200);
    const me = await host.call('GET', '/api/v1/users/me', { token: before.accessToken });
    assertProblem(me, 401, 'auth.invalid');
    const renewed = await host.call('POST', '/api/v1/auth/refresh', { body: { refreshToken: before.refreshToken } });
    assertProblem(renewed, 401, 'auth.invalid');
  });

  it('can no longer be set by a mail from before its owner changed it', async () => {
    const email = newEmail();
    const { accessToken } = await register(email);
    const mail = await readMail(email);
    const body = { currentPassword: password, password: 'known to nobody else' };
    const changed = await host.call('PATCH', '/api/v1/users/me', { token: accessToken, body });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    assertProblem(await reset(mail.token, 'an intruder’s choice'), 400, 'auth.reset-token-invalid');
    assert.equal((await logIn(email, 'known to nobody else')).status, 200);
  });

  it('can be set for an account that never had one', async () => {
    const { body: admin } = await logIn(adminOfTests.email, adminOfTests.password);
    const email = newEmail();
    await host.call('POST', '/api/v1/users', { token: admin.accessToken, body: { email, name: 'Imported' } });
    const { token } = await readMail(email);
    await reset(token, 'my very first one');
    assert.equal((await logIn(email, 'my very first one')).status, 200);
  });

  it('is answered alike, and after the same time, for addresses without an account', async () => {
    const email = newEmail();
    await register(email);
    const before = asked().length;
    const startedMs = performance.now();
    const unknown = await forgot(newEmail());
    assert.ok(performance.now() - startedMs >= 290, 'takes its time');
    assert.equal(asked().length, before);
    const known = await forgot(email);
    assert.equal(asked().length, before + 1);
    assert.deepEqual([unknown.status, unknown.body], [known.status, known.body]);
    assert.equal(known.status, 202);
  });

  it('is asked for without anything personal in the message, and once a minute at the most', async () => {
    const email = newEmail();
    await register(email);
    const before = asked().length;
    await Promise.all([forgot(email), forgot(email), forgot(email)]);
    assert.equal(asked().length, before + 1);
    assert.deepEqual(Object.keys(asked().at(-1)?.payload ?? {}).sort(), ['resetId', 'userId']);
    const stored = JSON.stringify(await host.db.query('select * from password_reset'));
    assert.ok(!stored.includes('stoa_reset_'));
  });

  it('is set once, also when the token comes many times at once', async () => {
    const email = newEmail();
    await register(email);
    const { token } = await readMail(email);
    const answers = await Promise.all(Array.from({ length: 5 }, (_, at) => reset(token, `brand new number ${at}`)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 400, 400, 400, 400]);
    assertProblem(await reset(token, 'another brand new one'), 400, 'auth.reset-token-invalid');
  });

  it('is not set with a bad password, an unknown token, an old one, or for a deactivated user', async () => {
    const email = newEmail();
    await register(email);
    const { token, resetId } = await readMail(email);
    assertProblem(await reset(token, 'short'), 400, 'request.invalid');
    assertProblem(await reset(`${token}x`, 'a brand new one'), 400, 'auth.reset-token-invalid');
    assertProblem(await reset('', 'a brand new one'), 400, 'request.invalid');
    await host.db.query('update account set active = false where email_key = $1', [email]);
    assertProblem(await reset(token, 'a brand new one'), 400, 'auth.reset-token-invalid');
    await host.db.query('update account set active = true where email_key = $1', [email]);
    await host.db.query('update password_reset set expires_at = now() where id = $1', [resetId]);
    assertProblem(await reset(token, 'a brand new one'), 400, 'auth.reset-token-invalid');
    assert.equal((await host.ask('getPasswordReset', { params: { id: resetId } })).status, 404);
    assert.equal((await logIn(email)).status, 200);
  });

  it('tells the mail of a reset that does not exist to nobody', async () => {
    assert.equal((await host.ask('getPasswordReset', { params: { id: newId() } })).status, 404);
  });
});
