import type { MailTemplate } from '@stoa/contracts/notification';

/** Mails that somebody may turn off. The others tell of money, of an order that ended, or were asked for. */
export function isOptional(template: MailTemplate): boolean {
  return template === 'order-shipped';
}

const historicalAgeMs = 48 * 3_600_000;

/**
 * Whether something happened so long before the shop was told of it that it comes from an import: nobody is to be told today that an order of 2010 is
 * confirmed.
 */
export function isHistorical(happenedAt: string, announcedAt: string): boolean {
  return Date.parse(announcedAt) - Date.parse(happenedAt) > historicalAgeMs;
}
