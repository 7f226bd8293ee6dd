import { apiKeyPrefix, newSecret } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import { holdAdmin } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { insertApiKey } from '../store/api-keys.ts';

export const createApiKey: UserHandler<'createApiKey'> = async (call, service) => {
  const { secret, hash } = newSecret(apiKeyPrefix);
  const made = await service.db.transaction(async (tx) => {
    const createdBy = await holdAdmin(tx, call.principal);
    return insertApiKey(tx, { ...call.body, id: newId(), hash, createdBy });
  });
  return { body: { ...made, key: secret } };
};
