import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText } from '@stoa/platform/schema';
import { personOf } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { listLiveSessions } from '../store/sessions.ts';

export const listSessions: UserHandler<'listSessions'> = async (call, service) => {
  const { userId, sessionId } = personOf(call.principal);
  const { limit = 20, cursor } = call.query;
  const beforeId = cursor === undefined ? undefined : decodeCursor(IdText, cursor);
  const rows = await listLiveSessions(service.db, userId, { beforeId, limit: limit + 1 });
  const { items, nextCursor } = pageOf(rows, limit, (row) => row.id);
  const sessions = items.map(({ endedAt: _, ...row }) => ({ ...row, current: row.id === sessionId }));
  return { body: { items: sessions, nextCursor } };
};
