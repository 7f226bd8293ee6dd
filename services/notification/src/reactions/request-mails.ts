import { newId } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { Addressee, NotificationService } from '../deps.ts';
import type { MailContent } from '../domain/content.ts';
import { isHistorical, isOptional } from '../domain/mail-rules.ts';
import { type SendMail, sendMail } from '../effects/send-mail.ts';
import { addMails } from '../store/mails.ts';
import { findUnsubscribed } from '../store/preferences.ts';

/** A mail that an event asks for. */
export interface MailRequest {
  readonly content: MailContent;
  readonly addressee: Addressee;
  /** The order or password reset: at most one mail for each, template and occasion. */
  readonly subjectId: string;
  readonly occasion?: string;
  readonly userId: string | null;
  readonly orderId: string | null;
  readonly happenedAt: string;
  readonly announcedAt: string;
  readonly cause: Cause;
}

/**
 * Writes down the mails of a batch of events and has those that are new sent once the transaction has committed. Two statements, and one for the
 * effects, however many mails.
 */
export async function requestMails(
  requests: readonly MailRequest[],
  tx: Tx,
  service: NotificationService,
): Promise<void> {
  const unsubscribed = await findUnsubscribed(tx, optionalReaders(requests));
  const mails = requests.map((request) => {
    const { content, subjectId, occasion = '', userId, orderId } = request;
    const suppressed = suppressionOf(request, unsubscribed);
    const contactId = request.addressee.kind === 'order-contact' ? request.addressee.contactId : null;
    return {
      request,
      row: { id: newId(), template: content.template, subjectId, occasion, userId, orderId, contactId, suppressed },
    };
  });
  const added = await addMails(
    tx,
    mails.map(({ row }) => row),
  );
  for (const { request, row } of mails) {
    if (!added.has(row.id) || row.suppressed !== null) continue;
    const payload: SendMail = { addressee: request.addressee, content: request.content };
    service.perform(tx, { effect: sendMail.name, id: row.id, payload, cause: request.cause });
  }
}

function suppressionOf(request: MailRequest, unsubscribed: ReadonlySet<string>): string | null {
  if (isHistorical(request.happenedAt, request.announcedAt)) return 'it is about the past: an import';
  const mayRefuse = isOptional(request.content.template) && request.userId !== null;
  return mayRefuse && unsubscribed.has(request.userId) ? 'order updates are turned off' : null;
}

function optionalReaders(requests: readonly MailRequest[]): string[] {
  const readers = requests.filter(({ content }) => isOptional(content.template)).map(({ userId }) => userId);
  return [...new Set(readers)].filter((userId) => userId !== null);
}
