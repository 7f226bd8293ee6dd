import { findOwnAccount } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { listApiKeysOf } from '../store/api-keys.ts';
import { listPasswordResets } from '../store/password-resets.ts';
import { listAllSessions } from '../store/sessions.ts';

export const exportMe: UserHandler<'exportMe'> = async (call, service) => {
  const user = await findOwnAccount(service.db, call.principal);
  const [sessions, apiKeys, passwordResets] = await Promise.all([
    listAllSessions(service.db, user.id),
    listApiKeysOf(service.db, user.id),
    listPasswordResets(service.db, user.id),
  ]);
  return { body: { exportedAt: service.clock.now(), user, sessions, apiKeys, passwordResets } };
};
