import type { User, UserAddress } from '@stoa/contracts/user';
import type { Id } from '@stoa/platform/ids';
import type { Role } from '@stoa/platform/schema';
import type { Sql, Tx } from '@stoa/platform/sql';
import { emailKey } from '../domain/email.ts';
import { erasedPerson } from '../domain/erasure.ts';

const user = `
  account.id, account.email, account.name, account.role, account.active, account.external_id as "externalId",
  account.addresses, account.metadata, account.created_at as "createdAt", account.updated_at as "updatedAt",
  account.version`;

/** What only this service may know of an account. */
interface Guarded {
  readonly passwordHash: string | null;
  /** RFC 3339, whole milliseconds: access tokens issued before are void. */
  readonly tokensValidFrom: string;
}
const guarded = `account.password_hash as "passwordHash", account.tokens_valid_from as "tokensValidFrom"`;

/** An account that this transaction holds, and the database's time in milliseconds since the epoch. */
export interface HeldAccount extends Guarded {
  readonly user: User;
  readonly nowMs: number;
}

/** An account by its id; undefined for erased ones too. */
export async function findAccount(sql: Sql, id: Id): Promise<User | undefined> {
  const [found] = await sql.query<User>(`select ${user} from account where id = $1 and erased_at is null`, [id]);
  return found;
}

/** Who signs in with this e-mail address. */
export async function findCredentials(
  sql: Sql,
  email: string,
): Promise<{ readonly id: Id; readonly active: boolean; readonly passwordHash: string | null } | undefined> {
  const [found] = await sql.query<{ id: Id; active: boolean; passwordHash: string | null }>(
    `select id, active, password_hash as "passwordHash" from account where email_key = $1 and erased_at is null`,
    [emailKey(email)],
  );
  return found;
}

export async function findPasswordHash(sql: Sql, id: Id): Promise<string | null> {
  const [found] = await sql.query<{ passwordHash: string | null }>(
    `select password_hash as "passwordHash" from account where id = $1 and erased_at is null`,
    [id],
  );
  return found?.passwordHash ?? null;
}

/**
 * Holds an account until the transaction ends: `share` while tokens are issued, so that none is made beside a change that voids tokens;
 * `update` to change it.
 */
export async function holdAccount(tx: Tx, id: Id, mode: 'share' | 'update'): Promise<HeldAccount | undefined> {
  const [found] = await tx.query<User & Guarded & { nowMs: number }>(
    `select ${user}, ${guarded}, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as "nowMs"
     from account where id = $1 and erased_at is null for ${mode}`,
    [id],
  );
  if (!found) return undefined;
  const { passwordHash, tokensValidFrom, nowMs, ...account } = found;
  return { user: account, passwordHash, tokensValidFrom, nowMs };
}

export interface NewAccount {
  readonly id: Id;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly passwordHash: string | null;
  readonly externalId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Makes an account, or says which unique value another one has. Of many at once with one address, one succeeds. */
export async function insertAccount(tx: Tx, account: NewAccount): Promise<User | 'email-taken' | 'external-id-taken'> {
  const { id, email, name, role, passwordHash, externalId = null, metadata = {} } = account;
  const [made] = await tx.query<User>(
    `insert into account (id, email, email_key, name, role, password_hash, external_id, metadata)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict do nothing
     returning ${user}`,
    [id, email, emailKey(email), name, role, passwordHash, externalId, JSON.stringify(metadata)],
  );
  if (made) return made;
  const [other] = await tx.query('select from account where external_id = $1', [externalId]);
  return other ? 'external-id-taken' : 'email-taken';
}

/** Overwrites what users change themselves. */
export async function updateProfile(
  tx: Tx,
  id: Id,
  profile: {
    readonly name: string;
    readonly addresses: readonly UserAddress[];
    readonly metadata: Readonly<Record<string, string>>;
  },
): Promise<User> {
  const [changed] = await tx.query<User>(
    `update account set name = $2, addresses = $3, metadata = $4, updated_at = now(), version = version + 1
     where id = $1 returning ${user}`,
    [id, profile.name, JSON.stringify(profile.addresses), JSON.stringify(profile.metadata)],
  );
  return changed as User;
}

export async function updateStanding(tx: Tx, id: Id, standing: { role: Role; active: boolean }): Promise<User> {
  const [changed] = await tx.query<User>(
    `update account set role = $2, active = $3, updated_at = now(), version = version + 1 where id = $1 returning ${user}`,
    [id, standing.role, standing.active],
  );
  return changed as User;
}

export async function updatePassword(tx: Tx, id: Id, passwordHash: string): Promise<void> {
  await tx.query('update account set password_hash = $2 where id = $1', [id, passwordHash]);
}

/** The same password under today's parameters, unless it was changed meanwhile. */
export async function replacePasswordHash(sql: Sql, id: Id, before: string, after: string): Promise<void> {
  await sql.query('update account set password_hash = $3 where id = $1 and password_hash = $2', [id, before, after]);
}

/**
 * Voids every access token made so far, and returns since when they are good. The instant is a millisecond after now and after the last
 * one, so that it lies after every token issued before; the account must be held.
 */
export async function voidTokens(tx: Tx, id: Id): Promise<string> {
  const [voided] = await tx.query<{ tokensValidFrom: string }>(
    `update account set
       tokens_valid_from = greatest(date_trunc('milliseconds', clock_timestamp()), tokens_valid_from)
         + interval '1 millisecond',
       tokens_voided_at = clock_timestamp()
     where id = $1 returning tokens_valid_from as "tokensValidFrom"`,
    [id],
  );
  return (voided as { tokensValidFrom: string }).tokensValidFrom;
}

/** Overwrites everything that tells who somebody is, as of the instant at which their tokens were voided. */
export async function overwritePerson(tx: Tx, id: Id): Promise<{ erasedAt: string }> {
  const { email, name } = erasedPerson(id);
  const [erased] = await tx.query<{ erasedAt: string }>(
    `update account set email = $2, email_key = $2, name = $3, active = false, password_hash = null, external_id = null,
       addresses = '[]', metadata = '{}', updated_at = now(), erased_at = tokens_valid_from,
       version = version + 1
     where id = $1 returning erased_at as "erasedAt"`,
    [id, email, name],
  );
  return erased as { erasedAt: string };
}

/** Whether somebody else could administer the shop. Meaningful while the admins are locked. */
export async function isThereAnotherAdmin(tx: Tx, id: Id): Promise<boolean> {
  const others = await tx.query(
    `select from account where role = 'admin' and active and erased_at is null and id <> $1 limit 1`,
    [id],
  );
  return others.length > 0;
}

export async function isThereAnAdmin(sql: Sql): Promise<boolean> {
  const admins = await sql.query(`select from account where role = 'admin' and erased_at is null limit 1`);
  return admins.length > 0;
}
