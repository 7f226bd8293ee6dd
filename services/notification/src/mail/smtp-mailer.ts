import { fault } from '@stoa/platform/errors';
import nodemailer from 'nodemailer';
import { withoutAddresses } from '../domain/privacy.ts';
import { type Mailer, messageOf } from './mailer.ts';

/** Hands mails to an SMTP server, over a few connections that stay open. */
export function openSmtpMailer(url: string, from: string): Mailer {
  const transport = nodemailer.createTransport({
    url,
    pool: true,
    maxConnections: 4,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    // A server may take that long to say that it has a mail (RFC 5321 §4.5.3.2.6): whoever gives up before sends it once more.
    socketTimeout: 600_000,
  });
  return {
    async send(mail) {
      try {
        await transport.sendMail(messageOf(mail, from));
        return { kind: 'sent' };
      } catch (error) {
        const reason = withoutAddresses((error as Error).message);
        if (isRefused(error as SmtpError)) return { kind: 'refused', reason };
        throw fault('service.unavailable', `The mail server did not take the mail: ${reason}`);
      }
    },
    close: () => transport.close(),
  };
}

interface SmtpError {
  /** What was answered: `RCPT TO`, `DATA`. */
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
}

/**
 * Whether a server will never take this mail: it knows no such mailbox, or the mailbox takes no such mail. Every other 5yz (a sender or a sign-in it does not
 * accept, relaying denied, encryption wanted) is of the set-up, which somebody can mend while the mail waits.
 * After RFC 5321 §4.2 and, where the server gives them, the enhanced codes of RFC 3463.
 */
function isRefused({ command, response = '', responseCode = 0 }: SmtpError): boolean {
  const enhanced = /\b5\.\d{1,3}\.\d{1,3}\b/.exec(response)?.[0];
  if (command === 'RCPT TO')
    return enhanced === undefined
      ? responseCode >= 550 && responseCode <= 553
      : /^5\.(1\.([1-6]|10)|2\.\d+)$/.test(enhanced);
  if (command === 'DATA')
    return enhanced === undefined ? responseCode === 552 : /^5\.(2\.\d+|3\.4|6\.\d+)$/.test(enhanced);
  return false;
}
