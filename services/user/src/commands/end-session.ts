import { refusal } from '@stoa/platform/errors';
import { announceSessionEnded } from '../announce.ts';
import { personOf } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { endSession as endSessionRow } from '../store/sessions.ts';

export const endSession: UserHandler<'endSession'> = async (call, service) => {
  const { userId } = personOf(call.principal);
  const sessionId = call.params.id;
  await service.db.transaction(async (tx) => {
    const endedAt = await endSessionRow(tx, userId, sessionId);
    if (!endedAt) throw refusal('session.not-found', 'You have no such session.');
    announceSessionEnded({ tx, cause: call.cause, service }, { userId, sessionId, endedAt });
  });
  return {};
};
