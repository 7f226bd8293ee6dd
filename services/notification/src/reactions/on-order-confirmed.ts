import { orderEvents } from '@stoa/contracts/order-messages';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { orderConfirmed } from '../domain/content.ts';
import { orderMail } from './order-mail.ts';
import { requestMails } from './request-mails.ts';

export const onOrderConfirmed: NotificationReaction = reactionToMany(
  orderEvents.orderConfirmed,
  (messages, tx, service) => {
    const requests = messages.map((message) =>
      orderMail(message, { content: orderConfirmed(message.payload), happenedAt: message.payload.placedAt }),
    );
    return requestMails(requests, tx, service);
  },
);
