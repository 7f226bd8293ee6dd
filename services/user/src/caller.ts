import type { User } from '@stoa/contracts/user';
import { refusal } from '@stoa/platform/errors';
import type { Id } from '@stoa/platform/ids';
import type { Principal } from '@stoa/platform/schema';
import type { Sql, Tx } from '@stoa/platform/sql';
import { findAccount, holdAccount } from './store/accounts.ts';
import { findMakerOf, isGoodApiKey } from './store/api-keys.ts';
import { isLiveSession } from './store/sessions.ts';

/** The person behind a call about their own account. Keys and services have none. */
export function personOf(principal: Principal): Extract<Principal, { kind: 'user' }> {
  if (principal.kind === 'user') return principal;
  throw refusal('auth.forbidden', 'Only a person has an account.');
}

/** The caller's own account. A token can outlive its account by the moment until the verifier has heard of the end. */
export async function findOwnAccount(sql: Sql, principal: Principal): Promise<User> {
  const account = await findAccount(sql, personOf(principal).userId);
  if (account?.active) return account;
  throw accountGone();
}

/**
 * Makes sure that an admin, or an admin's key, still is one, and keeps the account so until the transaction ends. For what gives lasting rights: a verifier believes a
 * token for a moment after its end, and what was given then would stay.
 * @returns the account that answers for the caller; null when none does
 * @throws auth.invalid when the caller's rights have ended
 */
export async function holdAdmin(tx: Tx, principal: Principal): Promise<Id | null> {
  // The account first: whoever changes it takes its sessions and keys while holding it.
  const answerable = principal.kind === 'key' ? await findMakerOf(tx, principal.keyId) : personOf(principal).userId;
  if (answerable) {
    const account = await holdAccount(tx, answerable, 'share');
    if (account?.user.role !== 'admin' || !account.user.active) throw accountGone();
  }
  const good =
    principal.kind === 'key'
      ? await isGoodApiKey(tx, principal.keyId)
      : await isLiveSession(tx, personOf(principal).userId, personOf(principal).sessionId);
  if (!good) throw accountGone();
  return answerable;
}

export function accountGone() {
  return refusal('auth.invalid', 'The token is not valid.');
}

export function userNotFound() {
  return refusal('user.not-found', 'There is no such user.');
}
