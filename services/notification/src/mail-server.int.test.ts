import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { userEvents } from '@stoa/contracts/user-messages';
import { newId } from '@stoa/platform/ids';
import { startTestShop, type TestShop } from './testing/hosted.ts';
import { type SmtpServer, startSmtpServer } from './testing/smtp-server.ts';
import { until } from './testing/until.ts';

let server: SmtpServer;
let shop: TestShop;
before(async () => {
  server = await startSmtpServer();
  shop = await startTestShop({ STOA_SMTP_URL: server.url });
});
after(async () => {
  await shop.stop();
  await server.close();
});

test('with a mail server mails go there and nowhere else', async () => {
  assert.equal((await endedMail(await askForReset())).outcome, 'sent');
  assert.equal(server.mails.length, 1);
  assert.deepEqual(await shop.mailFiles(), []);
});

test('a mail that the server refuses for good has failed, with the reason', async () => {
  server.recipientAnswer = '550 5.1.1 <bob@example.org> unknown';
  const mail = await endedMail(await askForReset());
  server.recipientAnswer = undefined;
  assert.equal(mail.outcome, 'failed');
  assert.match(mail.reason, /550 5\.1\.1 <\*\*\*> unknown/);
});

test('a mail that the server puts off is sent later', async () => {
  server.recipientAnswer = '451 4.7.1 later';
  const userId = await askForReset();
  const triedOnce = 'select from kit.effect where reason is not null';
  await until(async () => (await shop.query(triedOnce)).length === 1);
  server.recipientAnswer = undefined;
  assert.equal((await endedMail(userId)).outcome, 'sent');
});

async function askForReset(): Promise<string> {
  const [userId, resetId] = [newId(), newId()];
  shop.resets.set(resetId, {
    email: 'bob@example.org',
    name: 'Bob',
    token: 'T',
    expiresAt: '2030-01-01T00:00:00.000Z',
  });
  await shop.tell(userEvents.passwordResetRequested, userId, { userId, resetId });
  return userId;
}

function endedMail(userId: string): Promise<{ outcome: string; reason: string }> {
  const ended = "select outcome, reason from mail where user_id = $1 and outcome <> 'pending'";
  return until(async () => (await shop.query<{ outcome: string; reason: string }>(ended, [userId]))[0]);
}
