import { orderEvents } from '@stoa/contracts/order-messages';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { orderMail } from './order-mail.ts';
import { requestMails } from './request-mails.ts';

export const onOrderCancelled: NotificationReaction = reactionToMany(
  orderEvents.orderCancelled,
  (messages, tx, service) => {
    const requests = messages.map((message) => {
      const { number, totals, from, placedAt } = message.payload;
      const wasConfirmed = from === 'confirmed';
      return orderMail(message, {
        content: { template: 'order-cancelled', number, total: totals.total, wasConfirmed },
        happenedAt: placedAt,
      });
    });
    return requestMails(requests, tx, service);
  },
);
