import type { Id } from '@stoa/platform/ids';
import type { Sql, Tx } from '@stoa/platform/sql';

/** How long a session lives after its last use; each refresh gives it this long again. */
const lifetime = "interval '30 days'";

export interface SessionRow {
  readonly id: Id;
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly expiresAt: string;
  readonly endedAt: string | null;
}
const columns = `id, created_at as "createdAt", last_used_at as "lastUsedAt", expires_at as "expiresAt", ended_at as "endedAt"`;

/** Opens a session with its first refresh token. The account must be held. */
export async function insertSession(tx: Tx, session: { id: Id; accountId: Id; tokenHash: string }): Promise<void> {
  await tx.query(
    `with opened as (
       insert into session (id, account_id, expires_at) values ($1, $2, now() + ${lifetime}) returning id, expires_at
     )
     insert into refresh_token (hash, session_id, expires_at) select $3, id, expires_at from opened`,
    [session.id, session.accountId, session.tokenHash],
  );
}

/** Whose session a refresh token belongs to. */
export async function findRefreshToken(sql: Sql, hash: string): Promise<{ accountId: Id; sessionId: Id } | undefined> {
  const [found] = await sql.query<{ accountId: Id; sessionId: Id }>(
    `select session.account_id as "accountId", session.id as "sessionId"
     from refresh_token join session on session.id = refresh_token.session_id
     where refresh_token.hash = $1`,
    [hash],
  );
  return found;
}

/** What is known of a refresh token. */
export async function readRefreshToken(
  tx: Tx,
  hash: string,
): Promise<{ sessionEnded: boolean; expired: boolean; usedAgoS: number | null } | undefined> {
  const [found] = await tx.query<{ sessionEnded: boolean; expired: boolean; usedAgoS: number | null }>(
    `select session.ended_at is not null as "sessionEnded",
       refresh_token.expires_at <= clock_timestamp() as expired,
       extract(epoch from clock_timestamp() - refresh_token.used_at)::float8 as "usedAgoS"
     from refresh_token join session on session.id = refresh_token.session_id
     where refresh_token.hash = $1`,
    [hash],
  );
  return found;
}

/** Exchanges a token for its successor. Of several at once one does it and the others change nothing: their successor is the same. */
export async function exchangeRefreshToken(tx: Tx, hash: string, successorHash: string): Promise<void> {
  await tx.query(
    `with used as (
       update refresh_token set used_at = clock_timestamp() where hash = $1 and used_at is null returning session_id
     ), prolonged as (
       update session set last_used_at = now(), expires_at = now() + ${lifetime}
       from used where session.id = used.session_id
       returning session.id, session.expires_at
     )
     insert into refresh_token (hash, session_id, expires_at) select $2, id, expires_at from prolonged`,
    [hash, successorHash],
  );
}

export async function isLiveSession(sql: Sql, accountId: Id, sessionId: Id): Promise<boolean> {
  const found = await sql.query(
    'select from session where id = $1 and account_id = $2 and ended_at is null and expires_at > now()',
    [sessionId, accountId],
  );
  return found.length > 0;
}

/** Ends one session of an account; returns when, or undefined when there is no such live session. */
export async function endSession(tx: Tx, accountId: Id, sessionId: Id): Promise<string | undefined> {
  const [ended] = await tx.query<{ endedAt: string }>(
    `update session set ended_at = clock_timestamp() where id = $1 and account_id = $2 and ended_at is null and expires_at > now()
     returning ended_at as "endedAt"`,
    [sessionId, accountId],
  );
  return ended?.endedAt;
}

/** Ends an account's sessions: all, or all but one. */
export async function endSessions(tx: Tx, accountId: Id, { except }: { except?: Id } = {}): Promise<void> {
  await tx.query(
    'update session set ended_at = clock_timestamp() where account_id = $1 and ended_at is null and id is distinct from $2',
    [accountId, except ?? null],
  );
}

/** Live sessions, newest first. */
export async function listLiveSessions(
  sql: Sql,
  accountId: Id,
  { beforeId, limit }: { beforeId: Id | undefined; limit: number },
): Promise<SessionRow[]> {
  return sql.query<SessionRow>(
    `select ${columns} from session
     where account_id = $1 and ended_at is null and expires_at > now() and ($2::uuid is null or id < $2)
     order by id desc limit $3`,
    [accountId, beforeId ?? null, limit],
  );
}

/** All that is kept about an account's sessions. */
export async function listAllSessions(sql: Sql, accountId: Id): Promise<SessionRow[]> {
  return sql.query<SessionRow>(`select ${columns} from session where account_id = $1 order by id desc`, [accountId]);
}

/** Deletes an account's sessions and their tokens. */
export async function deleteSessions(tx: Tx, accountId: Id): Promise<void> {
  await tx.query('delete from session where account_id = $1', [accountId]);
}

/** Forgets tokens that expired, and sessions a day after their end: until then verifiers may ask for them. */
export async function forgetSessions(sql: Sql): Promise<void> {
  await sql.query(
    `delete from session where ended_at < now() - interval '1 day' or expires_at < now() - interval '1 day'`,
  );
  await sql.query('delete from refresh_token where expires_at < now()');
}
