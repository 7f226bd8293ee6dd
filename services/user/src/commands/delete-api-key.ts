import { refusal } from '@stoa/platform/errors';
import { announceApiKeyRevoked } from '../announce.ts';
import type { UserHandler } from '../deps.ts';
import { revokeApiKey } from '../store/api-keys.ts';

export const deleteApiKey: UserHandler<'deleteApiKey'> = async (call, service) => {
  await service.db.transaction(async (tx) => {
    const revokedAt = await revokeApiKey(tx, call.params.id);
    if (!revokedAt) throw refusal('api-key.not-found', 'There is no such API key.');
    announceApiKeyRevoked({ tx, cause: call.cause, service }, { keyId: call.params.id, revokedAt });
  });
  return {};
};
