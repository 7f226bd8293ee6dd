import type { Id } from '@stoa/platform/ids';
import type { Sql } from '@stoa/platform/sql';

/** The longest that a token made before an end can still look good to a verifier: its life and five minutes of skew, rounded up. */
const tokensOutlive = "interval '25 minutes'";
/** Longer than any transaction of ours runs: what commits after we looked bears a time after `asOf`. */
const overlap = "interval '1 minute'";

export interface Revocations {
  readonly asOf: string;
  readonly users: { userId: Id; tokensValidFrom: string }[];
  readonly sessions: { sessionId: Id; endedAt: string }[];
  readonly apiKeys: { keyId: Id; revokedAt: string }[];
}

/** What ended since an instant, and never longer ago than tokens live. */
export async function listRevocations(sql: Sql, since: string | undefined): Promise<Revocations> {
  const [{ asOf, from }] = (await sql.query<{ asOf: string; from: string }>(
    `select now() - ${overlap} as "asOf", greatest($1::timestamptz, now() - ${tokensOutlive}) as from`,
    [since ?? null],
  )) as [{ asOf: string; from: string }];
  const [users, sessions, apiKeys] = await Promise.all([
    sql.query<{ userId: Id; tokensValidFrom: string }>(
      `select id as "userId", tokens_valid_from as "tokensValidFrom" from account where tokens_voided_at >= $1`,
      [from],
    ),
    sql.query<{ sessionId: Id; endedAt: string }>(
      `select id as "sessionId", ended_at as "endedAt" from session where ended_at >= $1`,
      [from],
    ),
    sql.query<{ keyId: Id; revokedAt: string }>(
      `select id as "keyId", revoked_at as "revokedAt" from api_key where revoked_at >= $1`,
      [from],
    ),
  ]);
  return { asOf, users, sessions, apiKeys };
}
