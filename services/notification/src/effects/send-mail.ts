import { defineEffect } from '@stoa/platform/effect';
import { newId } from '@stoa/platform/ids';
import type { Tx } from '@stoa/platform/sql';
import type { Addressee, NotificationDeps, NotificationService } from '../deps.ts';
import type { MailContent } from '../domain/content.ts';
import { headerText, renderHtml, renderText } from '../domain/letter.ts';
import { maskEmail, withoutAddresses } from '../domain/privacy.ts';
import { writeLetter } from '../domain/write-letter.ts';
import { endMails, isPending, type MailEnd } from '../store/mails.ts';
import { forgetMailFiles } from './delete-mail-files.ts';

/** The mail to send; the effect's id is the mail's. */
export interface SendMail {
  readonly addressee: Addressee;
  readonly content: MailContent;
}

type Sent = Omit<MailEnd, 'id'>;

/**
 * Sends one mail: asks for the recipient, writes the letter, hands it over. A mail is sent twice only when the process dies between the mail
 * server's yes and the row that records it, and both copies bear one Message-ID.
 */
export const sendMail = defineEffect<SendMail, Sent, NotificationDeps>({
  name: 'send-mail',
  // Fifty mails a second at the most: customers wait for their orders, not for their mails.
  concurrency: 25,
  background: true,
  // The mailer knows how long a mail server may take; meanwhile the mail is held. When the process dies, the next try begins after this.
  timeoutMs: 30_000,
  // With waits that double up to a minute these last about an hour: a mail server's restart, not its end.
  attemptsMax: 65,
  retryDelayMs: 1_000,

  async perform({ id, payload, attempt, ...asker }, deps) {
    if (attempt > 1 && !(await isPending(deps.db, id))) return suppressed('it was already dealt with');
    const recipient = await deps.resolveRecipient(payload.addressee, asker);
    if (recipient === undefined) return suppressed('there is nobody to send it to any more');
    const letter = writeLetter(payload.content, recipient, deps.shop);
    const answer = await deps.mailer.send({
      id,
      to: { name: headerText(recipient.name), address: recipient.email },
      subject: headerText(letter.subject),
      text: renderText(letter, deps.shop),
      html: renderHtml(letter, deps.shop),
    });
    const masked = maskEmail(recipient.email);
    if (answer.kind === 'refused') return { outcome: 'failed', reason: answer.reason, recipient: masked };
    return { outcome: 'sent', reason: null, recipient: masked };
  },

  async complete(done, tx, service) {
    await end(
      done.map(({ effect, result }) => ({ id: effect.id, ...result })),
      tx,
      service,
    );
  },

  async giveUp({ id }, reason, tx, service) {
    await end([{ id, outcome: 'failed', reason: withoutAddresses(reason), recipient: null }], tx, service);
  },
});

function suppressed(reason: string): Sent {
  return { outcome: 'suppressed', reason, recipient: null };
}

async function end(ends: readonly MailEnd[], tx: Tx, service: NotificationService): Promise<void> {
  const erased = await endMails(tx, ends);
  // Their owner was erased while the mail was on its way: what was written since goes too.
  forgetMailFiles(tx, service, { mailIds: erased, cause: { correlationId: newId() } });
}
