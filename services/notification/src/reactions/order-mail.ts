import { idTimeMs } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import type { MailContent } from '../domain/content.ts';
import type { MailRequest } from './request-mails.ts';

interface AboutOrder {
  readonly orderId: string;
  readonly userId: string | null;
  readonly contactId: string;
}

/** The mail that an event of an order asks for. */
export function orderMail(
  message: Message<AboutOrder>,
  mail: { readonly content: MailContent; readonly happenedAt: string; readonly occasion?: string },
): MailRequest {
  const { orderId, userId, contactId } = message.payload;
  return {
    ...mail,
    addressee: { kind: 'order-contact', contactId },
    subjectId: orderId,
    userId,
    orderId,
    // When it was asked for here, as its id says: a refund may take days, and is no import for that.
    announcedAt: new Date(idTimeMs(mail.occasion ?? orderId)).toISOString(),
    cause: { ...message.cause, causationId: message.id },
  };
}
