import { orderEvents } from '@stoa/contracts/order-messages';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { orderMail } from './order-mail.ts';
import { requestMails } from './request-mails.ts';

export const onOrderRefunded: NotificationReaction = reactionToMany(
  orderEvents.orderRefunded,
  (messages, tx, service) => {
    const requests = messages.map((message) => {
      const { number, amount, refundedAt, refundId } = message.payload;
      return orderMail(message, {
        content: { template: 'order-refunded', number, amount },
        happenedAt: refundedAt,
        occasion: refundId,
        announced: refundId,
      });
    });
    return requestMails(requests, tx, service);
  },
);
