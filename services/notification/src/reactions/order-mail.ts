import { idTimeMs } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import type { MailRequest } from './request-mails.ts';

interface AboutOrder {
  readonly orderId: string;
  readonly userId: string | null;
  readonly contactId: string;
}

interface OrderMail extends Pick<MailRequest, 'content' | 'happenedAt' | 'occasion'> {
  /** The id that was made when the shop was told; the order's unless given. */
  readonly announced?: string;
}

/** The mail that an event of an order asks for. */
export function orderMail(message: Message<AboutOrder>, { announced, ...mail }: OrderMail): MailRequest {
  const { orderId, userId, contactId } = message.payload;
  return {
    ...mail,
    addressee: { kind: 'order-contact', contactId },
    subjectId: orderId,
    userId,
    orderId,
    // A refund may take days, and is no import for that.
    announcedAt: new Date(idTimeMs(announced ?? orderId)).toISOString(),
    cause: { ...message.cause, causationId: message.id },
  };
}
