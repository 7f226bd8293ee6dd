import { hashPassword, needsRehash, verifyPassword } from '@stoa/platform/auth';
import { refusal } from '@stoa/platform/errors';
import type { UserHandler } from '../deps.ts';
import { answerSignedIn, openSession } from '../sign-in.ts';
import { findCredentials, holdAccount, replacePasswordHash } from '../store/accounts.ts';

/**
 * Signs in. Accounts that are unknown, deactivated or without a password cost the same hash and get the same answer, so that nobody learns
 * who has an account.
 */
export const logIn: UserHandler<'logIn'> = async (call, service) => {
  const { email, password } = call.body;
  const found = await findCredentials(service.db, email);
  const passwordHash = (found?.active && found.passwordHash) || undefined;
  const right = await verifyPassword(passwordHash, password);
  if (!right || !found || passwordHash === undefined) throw invalidCredentials();

  const session = await service.db.transaction(async (tx) => {
    const account = await holdAccount(tx, found.id, 'share');
    // It may have been changed or closed while the hash was computed.
    if (!account?.user.active || account.passwordHash !== passwordHash) throw invalidCredentials();
    return openSession(tx, account);
  });
  if (needsRehash(passwordHash)) {
    await replacePasswordHash(service.db, found.id, passwordHash, await hashPassword(password));
  }
  return { body: await answerSignedIn(session, service) };
};

function invalidCredentials() {
  return refusal('auth.invalid-credentials', 'The e-mail address or the password is wrong.');
}
