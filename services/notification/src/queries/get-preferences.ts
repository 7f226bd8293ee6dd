import type { notificationContract } from '@stoa/contracts/notification';
import type { NotificationHandler } from '../deps.ts';
import { readerOf } from '../reader.ts';
import { readPreferences } from '../store/preferences.ts';

type Operation = typeof notificationContract.operations.getPreferences;

export const getPreferences: NotificationHandler<Operation> = async (call, service) => {
  const { version, ...preferences } = await readPreferences(service.db, readerOf(call.principal));
  return { body: preferences, version };
};
