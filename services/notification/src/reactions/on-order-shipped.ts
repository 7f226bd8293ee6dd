import { orderEvents } from '@stoa/contracts/order-messages';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { orderMail } from './order-mail.ts';
import { requestMails } from './request-mails.ts';

export const onOrderShipped: NotificationReaction = reactionToMany(
  orderEvents.orderShipped,
  (messages, tx, service) => {
    const requests = messages.map((message) => {
      const { number, carrier, trackingNumber, placedAt, shipmentId } = message.payload;
      return orderMail(message, {
        content: { template: 'order-shipped', number, carrier, trackingNumber },
        happenedAt: placedAt,
        occasion: shipmentId,
      });
    });
    return requestMails(requests, tx, service);
  },
);
