import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { type SmtpServer, startSmtpServer } from '../testing/smtp-server.ts';
import type { Mailer } from './mailer.ts';
import { openSmtpMailer } from './smtp-mailer.ts';

let server: SmtpServer;
let mailer: Mailer;
beforeEach(async () => {
  server = await startSmtpServer();
  mailer = openSmtpMailer(server.url, '"Stoa" <shop@stoa.example>');
});
afterEach(async () => {
  mailer.close();
  await server.close();
});

const mail = () => ({
  id: newId(),
  to: { name: 'Ann', address: 'ann@example.org' },
  subject: 'Your order',
  text: 'Hello',
  html: '<p>Hello</p>',
});

test('a mail reaches the server with its name as Message-ID', async () => {
  const sent = mail();
  assert.deepEqual(await mailer.send(sent), { kind: 'sent' });
  assert.match(server.mails[0]!, new RegExp(`^Message-ID: <${sent.id}@stoa\\.example>$`, 'm'));
});

test('an address that the server refuses for good is refused, without naming it', async () => {
  server.recipientAnswer = '550 5.1.1 <ann@example.org> unknown';
  const answer = await mailer.send(mail());
  assert.equal(answer.kind, 'refused');
  assert.doesNotMatch(JSON.stringify(answer), /ann@/);
  assert.match(JSON.stringify(answer), /550/);
});

const forGood: [keyof SmtpServer & `${string}Answer`, string][] = [
  ['recipientAnswer', '550 no such user here'],
  ['recipientAnswer', '552 5.2.2 mailbox full'],
  ['mailAnswer', '552 5.3.4 too big'],
  ['mailAnswer', '554 5.6.0 malformed'],
];
const toBeMended: typeof forGood = [
  ['senderAnswer', '530 5.7.0 must issue a STARTTLS command first'],
  ['senderAnswer', '553 5.7.1 sender address rejected: not owned by user'],
  ['senderAnswer', '550 5.1.8 sender domain not found'],
  ['senderAnswer', '550 no'],
  ['recipientAnswer', '554 5.7.1 relay access denied'],
  ['recipientAnswer', '550 5.7.1 unauthenticated'],
  ['recipientAnswer', '530 authentication required'],
  ['mailAnswer', '554 5.7.1 blocked'],
  ['mailAnswer', '550 5.7.26 unauthenticated mail is not accepted'],
];

test('what a server says of the recipient or the mail is for good', async () => {
  for (const [at, answer] of forGood) {
    server[at] = answer;
    assert.equal((await mailer.send(mail())).kind, 'refused', answer);
    server[at] = undefined;
  }
});

test('what a server says of our set-up is a fault: the mail waits until somebody has mended it', async () => {
  for (const [at, answer] of toBeMended) {
    server[at] = answer;
    await assert.rejects(mailer.send(mail()), { code: 'service.unavailable' }, answer);
    server[at] = undefined;
    assert.deepEqual(await mailer.send(mail()), { kind: 'sent' });
  }
});

test('an address that the server puts off is a fault, without naming it', async () => {
  server.recipientAnswer = '451 4.7.1 <ann@example.org> later';
  await assert.rejects(mailer.send(mail()), (error: Error & { code: string }) => {
    assert.equal(error.code, 'service.unavailable');
    assert.doesNotMatch(error.message, /ann@/);
    return true;
  });
});

test('a server that is away is a fault, and takes mails when it is back', async () => {
  const port = Number(new URL(server.url).port);
  await server.close();
  await assert.rejects(mailer.send(mail()), { code: 'service.unavailable' });
  server = await startSmtpServer(port);
  assert.deepEqual(await mailer.send(mail()), { kind: 'sent' });
});
