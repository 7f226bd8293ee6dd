import { orderEvents } from '@stoa/contracts/order-messages';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { orderMail } from './order-mail.ts';
import { requestMails } from './request-mails.ts';

export const onOrderRejected: NotificationReaction = reactionToMany(
  orderEvents.orderRejected,
  (messages, tx, service) => {
    const requests = messages.map((message) => {
      const { number, code, placedAt } = message.payload;
      return orderMail(message, { content: { template: 'order-rejected', number, code }, happenedAt: placedAt });
    });
    return requestMails(requests, tx, service);
  },
);
