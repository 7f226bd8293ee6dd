import { userEvents } from '@stoa/contracts/user-messages';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { requestMails } from './request-mails.ts';

export const onPasswordResetRequested: NotificationReaction = reactionToMany(
  userEvents.passwordResetRequested,
  (messages, tx, service) => {
    const requests = messages.map((message) => {
      const { userId, resetId } = message.payload;
      return {
        content: { template: 'password-reset' as const },
        addressee: { kind: 'password-reset' as const, resetId },
        subjectId: resetId,
        userId,
        orderId: null,
        happenedAt: message.occurredAt,
        announcedAt: message.occurredAt,
        cause: { ...message.cause, causationId: message.id },
      };
    });
    return requestMails(requests, tx, service);
  },
);
