import {
  caller,
  contract,
  IdText,
  Instant,
  nullable,
  oneOf,
  operation,
  page,
  pageQuery,
  type Static,
  strict,
  Type,
} from '@stoa/platform/schema';

export const mailTemplates = [
  'order-confirmed',
  'order-rejected',
  'order-cancelled',
  'order-shipped',
  'order-refunded',
  'password-reset',
] as const;
export type MailTemplate = (typeof mailTemplates)[number];

/**
 * One thing the shop had to say to somebody.
 *
 * - `pending`: not sent yet; tried until it is, or for about an hour
 * - `sent`: the mail server (or the mail folder) has it
 * - `failed`: given up; `reason` says why
 * - `suppressed`: not sent on purpose (unsubscribed, nobody to send to, about an imported order); `reason` says which
 */
export const Notification = strict({
  id: IdText,
  template: oneOf(mailTemplates),
  channel: oneOf(['email']),
  outcome: oneOf(['pending', 'sent', 'failed', 'suppressed']),
  reason: nullable(Type.String()),
  recipient: nullable(Type.String({ description: 'Masked: a***@example.org' })),
  orderId: nullable(IdText),
  createdAt: Instant,
  sentAt: nullable(Instant),
});
export type Notification = Static<typeof Notification>;

/** What somebody wants to hear of. Receipts, refunds, cancellations and password mails are sent whatever stands here. */
export const NotificationPreferences = strict({
  /** Mails that follow an order on its way, such as that it has been shipped. On unless turned off. */
  orderUpdates: Type.Boolean(),
  /** Offers and news. Off unless turned on. */
  marketing: Type.Boolean(),
});
export type NotificationPreferences = Static<typeof NotificationPreferences>;

const listNotifications = operation({
  method: 'GET',
  path: '/api/v1/notifications',
  summary: 'What was sent to me, newest first',
  access: caller,
  query: pageQuery,
  answer: page(Notification),
});

const getPreferences = operation({
  method: 'GET',
  path: '/api/v1/notifications/preferences',
  summary: 'What I want to hear of',
  access: caller,
  answer: NotificationPreferences,
  errors: ['notification.no-preferences'],
});

const updatePreferences = operation({
  method: 'PATCH',
  path: '/api/v1/notifications/preferences',
  summary: 'Changes what I want to hear of',
  access: caller,
  body: strict({ orderUpdates: Type.Optional(Type.Boolean()), marketing: Type.Optional(Type.Boolean()) }),
  answer: NotificationPreferences,
  errors: ['notification.no-preferences'],
});

/** What the notification service offers: mails about orders and accounts, and what became of them. */
export const notificationContract = contract({
  service: 'notification',
  operations: { listNotifications, getPreferences, updatePreferences },
  events: {},
  commands: {},
  errors: {
    'notification.no-preferences': { status: 404, title: 'Only people have preferences; machines get no mail' },
  },
});
