import { signReference } from '@stoa/platform/auth';
import type { Id } from '@stoa/platform/ids';

/** The token of a password mail. Derived from the reset's id, so that it is stored only as a hash and the mail can still be written later. */
export function resetToken(tokenKey: Buffer, resetId: Id): string {
  return `stoa_reset_${signReference(tokenKey, 'password-reset', resetId)}`;
}
