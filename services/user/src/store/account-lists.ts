import type { Contact, User } from '@stoa/contracts/user';
import type { Id } from '@stoa/platform/ids';
import type { Role } from '@stoa/platform/schema';
import type { Sql } from '@stoa/platform/sql';
import { emailKey } from '../domain/email.ts';

export interface AccountFilter {
  readonly role?: Role | undefined;
  readonly active?: boolean | undefined;
  readonly email?: string | undefined;
  readonly externalId?: string | undefined;
  /** Only accounts made before this one. */
  readonly beforeId?: Id | undefined;
}

/** Accounts that fit, newest first, without erased ones. */
export async function listAccounts(sql: Sql, filter: AccountFilter, limit: number): Promise<User[]> {
  const { role, active, email, externalId, beforeId } = filter;
  const wanted = [
    { condition: 'role = ?', value: role },
    { condition: 'active = ?', value: active },
    { condition: 'email_key = ?', value: email === undefined ? undefined : emailKey(email) },
    { condition: 'external_id = ?', value: externalId },
    { condition: 'id < ?', value: beforeId },
  ].filter(({ value }) => value !== undefined);
  const conditions = wanted.map(({ condition }, at) => condition.replace('?', `$${at + 2}`));
  return sql.query<User>(
    `select id, email, name, role, active, external_id as "externalId", addresses, metadata, created_at as "createdAt",
       updated_at as "updatedAt", version
     from account where ${['erased_at is null', ...conditions].join(' and ')}
     order by id desc limit $1`,
    [limit, ...wanted.map(({ value }) => value)],
  );
}

/** How to reach the users with these ids. Erased ones and ids that nobody has are left out. */
export async function listContacts(sql: Sql, ids: readonly Id[]): Promise<Contact[]> {
  return sql.query<Contact>(
    'select id, email, name, role, active from account where id = any($1::uuid[]) and erased_at is null order by id',
    [ids],
  );
}
