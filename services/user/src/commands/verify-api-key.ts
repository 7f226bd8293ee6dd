import { refusal } from '@stoa/platform/errors';
import type { UserHandler } from '../deps.ts';
import { useApiKey } from '../store/api-keys.ts';

export const verifyApiKey: UserHandler<'verifyApiKey'> = async (call, service) => {
  const key = await useApiKey(service.db, call.body.hash);
  if (!key) throw refusal('api-key.not-found', 'There is no such API key.');
  return { body: key };
};
