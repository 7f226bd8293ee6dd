import { refusal } from '@stoa/platform/errors';
import { userIdOf } from '@stoa/platform/http';
import type { Principal } from '@stoa/platform/schema';

/** The person whose preferences a call is about. */
export function readerOf(principal: Principal): string {
  const userId = userIdOf(principal);
  if (userId === undefined) throw refusal('notification.no-preferences', 'Only people have preferences.');
  return userId;
}
