import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText } from '@stoa/platform/schema';
import type { UserHandler } from '../deps.ts';
import { listAccounts } from '../store/account-lists.ts';

export const listUsers: UserHandler<'listUsers'> = async (call, service) => {
  const { limit = 20, cursor, ...filter } = call.query;
  const beforeId = cursor === undefined ? undefined : decodeCursor(IdText, cursor);
  const rows = await listAccounts(service.db, { ...filter, beforeId }, limit + 1);
  return { body: pageOf(rows, limit, (row) => row.id) };
};
