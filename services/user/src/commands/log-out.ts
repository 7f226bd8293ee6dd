import { hashSecret } from '@stoa/platform/auth';
import { announceSessionEnded } from '../announce.ts';
import { personOf } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { endSession, findRefreshToken } from '../store/sessions.ts';

/**
 * Ends the session of the access token, and that of the refresh token when it is the caller's and another one. Nobody else's, and a token
 * that is no good any more is no reason to stay signed in.
 */
export const logOut: UserHandler<'logOut'> = async (call, service) => {
  const { userId, sessionId } = personOf(call.principal);
  const presented = await findRefreshToken(service.db, hashSecret(call.body.refreshToken));
  const sessions = new Set([sessionId, ...(presented?.accountId === userId ? [presented.sessionId] : [])]);
  await service.db.transaction(async (tx) => {
    for (const id of sessions) {
      const endedAt = await endSession(tx, userId, id);
      if (endedAt) announceSessionEnded({ tx, cause: call.cause, service }, { userId, sessionId: id, endedAt });
    }
  });
  return {};
};
