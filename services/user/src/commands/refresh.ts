import { hashSecret, signReference } from '@stoa/platform/auth';
import { type AppError, refusal } from '@stoa/platform/errors';
import { crashPoint } from '@stoa/platform/lifecycle';
import { announceSessionEnded } from '../announce.ts';
import type { UserHandler } from '../deps.ts';
import { judgeRefreshToken } from '../domain/refresh-token.ts';
import { answerSignedIn, issueTimeMs, type OpenSession, refreshTokenPrefix } from '../sign-in.ts';
import { holdAccount } from '../store/accounts.ts';
import { endSession, exchangeRefreshToken, findRefreshToken, readRefreshToken } from '../store/sessions.ts';

/**
 * Exchanges a refresh token. Its successor is derived from it, so it is the same each time and stored only as a hash: whoever lost the
 * answer gets it again, and of two requests at once both get one successor.
 */
export const refresh: UserHandler<'refresh'> = async (call, service) => {
  const presented = call.body.refreshToken;
  const hash = hashSecret(presented);
  const successor = `${refreshTokenPrefix}_${signReference(service.deps.tokenKey, 'refresh', presented)}`;
  const owner = await findRefreshToken(service.db, hash);
  if (!owner) throw invalid();
  const { accountId, sessionId } = owner;

  // A refusal is returned, not thrown: the end of the family has to be committed.
  const session = await service.db.transaction(async (tx): Promise<OpenSession | AppError> => {
    const account = await holdAccount(tx, accountId, 'share');
    const token = await readRefreshToken(tx, hash);
    if (!account || !token) return invalid();
    const ended = token.sessionEnded || !account.user.active;
    switch (judgeRefreshToken({ ...token, ended })) {
      case 'invalid':
        return invalid();
      case 'reused': {
        const endedAt = await endSession(tx, accountId, sessionId);
        if (endedAt)
          announceSessionEnded({ tx, cause: call.cause, service }, { userId: accountId, sessionId, endedAt });
        return refusal(
          'auth.refresh-reused',
          'This refresh token has been used before, so its session was ended. Sign in.',
        );
      }
      case 'exchange':
        await exchangeRefreshToken(tx, hash, hashSecret(successor));
        crashPoint('token.before-rotation');
        break;
      case 'repeat':
        break;
    }
    return { user: account.user, sessionId, refreshToken: successor, issuedAtMs: issueTimeMs(account) };
  });
  if (session instanceof Error) throw session;
  return { body: await answerSignedIn(session, service) };
};

function invalid() {
  return refusal('auth.invalid', 'The refresh token is not valid. Sign in.');
}
