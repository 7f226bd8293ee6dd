import type { notificationContract } from '@stoa/contracts/notification';
import { refusal } from '@stoa/platform/errors';
import { requireMatch } from '@stoa/platform/http';
import type { NotificationHandler } from '../deps.ts';
import { readerOf } from '../reader.ts';
import { type KeptPreferences, keepPreferences, readPreferences } from '../store/preferences.ts';

type Operation = typeof notificationContract.operations.updatePreferences;

const triesMax = 10;

export const updatePreferences: NotificationHandler<Operation> = async (call, service) => {
  const userId = readerOf(call.principal);
  for (let tries = 0; tries < triesMax; tries++) {
    const before = await readPreferences(service.db, userId);
    requireMatch(call, before.version);
    const wanted = { ...before, ...call.body };
    const after = isSame(before, wanted) ? before : await keepPreferences(service.db, userId, wanted);
    if (after !== undefined) {
      const { version, ...preferences } = after;
      return { body: preferences, version };
    }
  }
  throw refusal('resource.stale', 'The preferences are being changed by others all the time.');
};

function isSame(a: KeptPreferences, b: KeptPreferences): boolean {
  return a.orderUpdates === b.orderUpdates && a.marketing === b.marketing;
}
