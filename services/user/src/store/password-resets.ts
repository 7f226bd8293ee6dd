import type { Id } from '@stoa/platform/ids';
import type { Sql, Tx } from '@stoa/platform/sql';

const lifetime = "interval '1 hour'";
/** A mailbox gets one of these mails a minute at the most, whoever asks for them. */
const quiet = "interval '1 minute'";

/** Notes that somebody wants to set a password; false when the account has asked a moment ago. The account must be held. */
export async function insertPasswordReset(
  tx: Tx,
  reset: { id: Id; accountId: Id; tokenHash: string },
): Promise<boolean> {
  const made = await tx.query(
    `insert into password_reset (id, account_id, token_hash, expires_at)
     select $1, $2, $3, now() + ${lifetime}
     where not exists (
       select from password_reset where account_id = $2 and requested_at > now() - ${quiet} and used_at is null
     )
     returning id`,
    [reset.id, reset.accountId, reset.tokenHash],
  );
  return made.length > 0;
}

/** Whose password a token may set now. */
export async function findResettable(sql: Sql, tokenHash: string): Promise<Id | undefined> {
  const [found] = await sql.query<{ accountId: Id }>(
    `select account_id as "accountId" from password_reset
     where token_hash = $1 and used_at is null and expires_at > now()`,
    [tokenHash],
  );
  return found?.accountId;
}

/** Uses a token up, and with it every other one of the account; false when it was not good any more. */
export async function usePasswordReset(tx: Tx, tokenHash: string): Promise<boolean> {
  const [used] = await tx.query<{ accountId: Id }>(
    `update password_reset set used_at = now() where token_hash = $1 and used_at is null and expires_at > now()
     returning account_id as "accountId"`,
    [tokenHash],
  );
  if (!used) return false;
  await voidPasswordResets(tx, used.accountId);
  return true;
}

/** From now on no token that was mailed to the account is good. */
export async function voidPasswordResets(tx: Tx, accountId: Id): Promise<void> {
  await tx.query('update password_reset set used_at = now() where account_id = $1 and used_at is null', [accountId]);
}

/** What the mail needs, while the token is good and the account may sign in. */
export async function findResetMail(
  sql: Sql,
  id: Id,
): Promise<{ email: string; name: string; expiresAt: string } | undefined> {
  const [found] = await sql.query<{ email: string; name: string; expiresAt: string }>(
    `select account.email, account.name, password_reset.expires_at as "expiresAt"
     from password_reset join account on account.id = password_reset.account_id
     where password_reset.id = $1 and used_at is null and expires_at > now() and account.active and account.erased_at is null`,
    [id],
  );
  return found;
}

export async function listPasswordResets(
  sql: Sql,
  accountId: Id,
): Promise<{ id: Id; requestedAt: string; usedAt: string | null }[]> {
  return sql.query(
    `select id, requested_at as "requestedAt", used_at as "usedAt" from password_reset where account_id = $1 order by id`,
    [accountId],
  );
}

export async function deletePasswordResets(tx: Tx, accountId: Id): Promise<void> {
  await tx.query('delete from password_reset where account_id = $1', [accountId]);
}

export async function forgetPasswordResets(sql: Sql): Promise<void> {
  await sql.query(`delete from password_reset where expires_at < now() - interval '1 day'`);
}
