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
        const { code, responseCode, message } = error as { code?: string; responseCode?: number; message: string };
        const reason = withoutAddresses(message);
        // 5yz is for good (RFC 5321 §4.2.1), except where it is us whom the server does not know: that is a setting to be mended.
        if (responseCode !== undefined && responseCode >= 500 && code !== 'EAUTH') return { kind: 'refused', reason };
        throw fault('service.unavailable', `The mail server did not take the mail: ${reason}`);
      }
    },
    close: () => transport.close(),
  };
}
