import type { User } from '@stoa/contracts/user';
import { refusal } from '@stoa/platform/errors';
import type { Principal } from '@stoa/platform/schema';
import type { Sql } from '@stoa/platform/sql';
import { findAccount } from './store/accounts.ts';

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

export function accountGone() {
  return refusal('auth.invalid', 'The token is not valid.');
}

export function userNotFound() {
  return refusal('user.not-found', 'There is no such user.');
}
