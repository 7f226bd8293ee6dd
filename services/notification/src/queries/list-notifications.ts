import type { notificationContract } from '@stoa/contracts/notification';
import { decodeCursor, pageOf, userIdOf } from '@stoa/platform/http';
import { IdText } from '@stoa/platform/schema';
import type { NotificationHandler } from '../deps.ts';
import { listMails } from '../store/mails.ts';

type Operation = typeof notificationContract.operations.listNotifications;

export const listNotifications: NotificationHandler<Operation> = async (call, service) => {
  const { limit = 20, cursor } = call.query;
  const beforeId = cursor === undefined ? undefined : decodeCursor(IdText, cursor);
  const userId = userIdOf(call.principal);
  // Machines get no mail.
  if (userId === undefined) return { body: { items: [], nextCursor: null } };
  const rows = await listMails(service.db, userId, { beforeId, limit: limit + 1 });
  return { body: pageOf(rows, limit, (row) => row.id) };
};
