import { notificationContract } from '@stoa/contracts/notification';
import { defineService } from '@stoa/platform/service';
import { updatePreferences } from './commands/update-preferences.ts';
import { readConfig } from './config.ts';
import type { NotificationDeps } from './deps.ts';
import { deleteMailFiles } from './effects/delete-mail-files.ts';
import { sendMail } from './effects/send-mail.ts';
import type { Mailer } from './mail/mailer.ts';
import { getPreferences } from './queries/get-preferences.ts';
import { listNotifications } from './queries/list-notifications.ts';
import { onContactErased } from './reactions/on-contact-erased.ts';
import { onOrderCancelled } from './reactions/on-order-cancelled.ts';
import { onOrderConfirmed } from './reactions/on-order-confirmed.ts';
import { onOrderRefunded } from './reactions/on-order-refunded.ts';
import { onOrderRejected } from './reactions/on-order-rejected.ts';
import { onOrderShipped } from './reactions/on-order-shipped.ts';
import { onPasswordResetRequested } from './reactions/on-password-reset-requested.ts';
import { onUserErased } from './reactions/on-user-erased.ts';
import { recipientResolver } from './resolve-recipient.ts';

/** Mails about orders and accounts. Nothing waits for it: when it is down, mails are late and check-outs go on. */
export const notification = defineService<NotificationDeps>({
  name: 'notification',
  isListener: true,
  contract: notificationContract,
  migrations: new URL('../migrations/', import.meta.url),
  async prepare(start) {
    const { smtpUrl, from, mailFolder, shop } = readConfig(start.environment);
    const mailer = await openMailer(smtpUrl, from, mailFolder);
    return { db: start.db, mailer, mailFolder, shop, resolveRecipient: recipientResolver(start) };
  },
  close: async ({ mailer }) => mailer.close(),
  routes: { listNotifications, getPreferences, updatePreferences },
  reactions: [
    onOrderConfirmed,
    onOrderRejected,
    onOrderCancelled,
    onOrderShipped,
    onOrderRefunded,
    onPasswordResetRequested,
    onUserErased,
    onContactErased,
  ],
  effects: [sendMail, deleteMailFiles],
});

/** What mails are made with is loaded where mails are sent. */
async function openMailer(smtpUrl: string | undefined, from: string, mailFolder: string): Promise<Mailer> {
  if (smtpUrl !== undefined) return (await import('./mail/smtp-mailer.ts')).openSmtpMailer(smtpUrl, from);
  return (await import('./mail/file-mailer.ts')).openFileMailer(mailFolder, from);
}
