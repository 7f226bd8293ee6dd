import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText } from '@stoa/platform/schema';
import type { UserHandler } from '../deps.ts';
import { listApiKeys as listApiKeyRows } from '../store/api-keys.ts';

export const listApiKeys: UserHandler<'listApiKeys'> = async (call, service) => {
  const { limit = 20, cursor } = call.query;
  const beforeId = cursor === undefined ? undefined : decodeCursor(IdText, cursor);
  const rows = await listApiKeyRows(service.db, { beforeId, limit: limit + 1 });
  return { body: pageOf(rows, limit, (row) => row.id) };
};
