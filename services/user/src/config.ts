import { checkPasswordRules } from '@stoa/platform/auth';
import type { Environment } from '@stoa/platform/config';
import { fault } from '@stoa/platform/errors';
import { Email, validatorOf } from '@stoa/platform/schema';

/** Whom to make the first admin. What is absent is made up, and told once. */
export interface FirstAdmin {
  readonly email?: string;
  readonly password?: string;
}

/**
 * Reads `STOA_ADMIN_EMAIL` and `STOA_ADMIN_PASSWORD`.
 *
 * @throws AppError `config.invalid` naming every setting that is wrong
 */
export function readFirstAdmin(environment: Environment): FirstAdmin {
  const email = environment.STOA_ADMIN_EMAIL || undefined;
  const password = environment.STOA_ADMIN_PASSWORD || undefined;
  const wrong: string[] = [];
  if (email !== undefined && !validatorOf(Email).check(email)) wrong.push('STOA_ADMIN_EMAIL is not an e-mail address.');
  for (const { message } of password === undefined ? [] : checkPasswordRules(password)) {
    wrong.push(`STOA_ADMIN_PASSWORD: ${message}`);
  }
  if (wrong.length > 0) throw fault('config.invalid', wrong.join(' '));
  return { ...(email !== undefined && { email }), ...(password !== undefined && { password }) };
}
