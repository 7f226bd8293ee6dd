import type { SignedIn, User } from '@stoa/contracts/user';
import { accessTokenLifetimeS, newSecret, signAccessToken } from '@stoa/platform/auth';
import { type Id, newId } from '@stoa/platform/ids';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import type { UserDeps } from './deps.ts';
import type { HeldAccount } from './store/accounts.ts';
import { insertSession } from './store/sessions.ts';

export const refreshTokenPrefix = 'stoa_refresh';

/** A session for which tokens can be made, once its transaction has committed. */
export interface OpenSession {
  readonly user: User;
  readonly sessionId: Id;
  readonly refreshToken: string;
  readonly issuedAtMs: number;
}

/** Opens a session for an account that the transaction holds. */
export async function openSession(tx: Tx, account: HeldAccount): Promise<OpenSession> {
  const sessionId = newId();
  const { secret, hash } = newSecret(refreshTokenPrefix);
  await insertSession(tx, { id: sessionId, accountId: account.user.id, tokenHash: hash });
  return { user: account.user, sessionId, refreshToken: secret, issuedAtMs: issueTimeMs(account) };
}

/**
 * When an access token made now was issued: by the database's clock, which decides as well which tokens are void, and never before the
 * instant since which they are good.
 */
export function issueTimeMs({ nowMs, tokensValidFrom }: HeldAccount): number {
  return Math.max(nowMs, Date.parse(tokensValidFrom));
}

/** The answer to everybody who signs in. */
export async function answerSignedIn(session: OpenSession, service: Service<UserDeps>): Promise<SignedIn> {
  const { user, sessionId, refreshToken, issuedAtMs } = session;
  const keys = await service.deps.keys.current();
  const clock = { nowMs: () => issuedAtMs, now: () => new Date(issuedAtMs).toISOString() };
  const accessToken = await signAccessToken(keys, { userId: user.id, role: user.role, sessionId }, { clock });
  return { user, accessToken, refreshToken, expiresIn: accessTokenLifetimeS };
}
