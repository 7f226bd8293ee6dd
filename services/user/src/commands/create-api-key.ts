import { apiKeyPrefix, newSecret } from '@stoa/platform/auth';
import { userIdOf } from '@stoa/platform/http';
import { newId } from '@stoa/platform/ids';
import type { UserHandler } from '../deps.ts';
import { insertApiKey } from '../store/api-keys.ts';

export const createApiKey: UserHandler<'createApiKey'> = async (call, service) => {
  const { secret, hash } = newSecret(apiKeyPrefix);
  const createdBy = userIdOf(call.principal) ?? null;
  const made = await insertApiKey(service.db, { ...call.body, id: newId(), hash, createdBy });
  return { body: { ...made, key: secret } };
};
