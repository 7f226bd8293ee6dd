import { checkPasswordRules, hashPassword, verifyPassword } from '@stoa/platform/auth';
import { refusal, type Violation } from '@stoa/platform/errors';
import { requireMatch } from '@stoa/platform/http';
import { newId } from '@stoa/platform/ids';
import type { Sql } from '@stoa/platform/sql';
import { announceChanged } from '../announce.ts';
import { accountGone, personOf } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { rewriteAddressBook } from '../domain/address-book.ts';
import { findPasswordHash, holdAccount, updatePassword, updateProfile, voidTokens } from '../store/accounts.ts';
import { voidPasswordResets } from '../store/password-resets.ts';
import { endSessions } from '../store/sessions.ts';

/**
 * Changes what belongs to the caller. A new password voids every access token and ends every other session; this one goes on with its
 * refresh token.
 */
export const updateMe: UserHandler<'updateMe'> = async (call, service) => {
  const { userId, sessionId } = personOf(call.principal);
  const { name, addresses, metadata, ...passwords } = call.body;
  const change = await checkPasswordChange(service.db, userId, passwords);

  const user = await service.db.transaction(async (tx) => {
    const account = await holdAccount(tx, userId, 'update');
    if (!account?.user.active) throw accountGone();
    const before = account.user;
    requireMatch(call, before.version);
    if (Object.keys(call.body).length === 0) return before;
    const changed = await updateProfile(tx, userId, {
      name: name ?? before.name,
      addresses: addresses ? rewriteAddressBook(before.addresses, addresses, newId) : before.addresses,
      metadata: metadata ?? before.metadata,
    });
    let { tokensValidFrom } = account;
    if (change) {
      if (account.passwordHash !== change.before) throw wrongPasswords([notYours]);
      await updatePassword(tx, userId, change.after);
      await voidPasswordResets(tx, userId);
      await endSessions(tx, userId, { except: sessionId });
      tokensValidFrom = await voidTokens(tx, userId);
    }
    if (change || metadata) announceChanged({ tx, cause: call.cause, service }, changed, tokensValidFrom);
    return changed;
  });
  return { body: user, version: user.version };
};

const notYours: Violation = { path: '/currentPassword', message: 'is not your password' };

/** The hashes before and after; undefined when the password stays. Takes its time outside any transaction. */
async function checkPasswordChange(
  sql: Sql,
  userId: string,
  { currentPassword, password }: { currentPassword?: string; password?: string },
): Promise<{ before: string; after: string } | undefined> {
  if (password === undefined && currentPassword === undefined) return undefined;
  if (password === undefined)
    throw wrongPasswords([{ path: '/password', message: 'is required beside currentPassword' }]);
  if (currentPassword === undefined) {
    throw wrongPasswords([{ path: '/currentPassword', message: 'is required beside password' }]);
  }
  const errors = checkPasswordRules(password);
  if (errors.length > 0) throw wrongPasswords(errors);
  const before = (await findPasswordHash(sql, userId)) ?? undefined;
  if (!(await verifyPassword(before, currentPassword)) || before === undefined) throw wrongPasswords([notYours]);
  return { before, after: await hashPassword(password) };
}

function wrongPasswords(errors: readonly Violation[]) {
  return refusal('request.invalid', 'The password was not changed.', { errors });
}
