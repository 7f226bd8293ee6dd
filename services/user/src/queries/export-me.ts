import { notificationContract } from '@stoa/contracts/notification';
import { orderContract } from '@stoa/contracts/order';
import { findOwnAccount } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { listApiKeysOf } from '../store/api-keys.ts';
import { listPasswordResets } from '../store/password-resets.ts';
import { listAllSessions } from '../store/sessions.ts';

/** Gathers what this service and the others keep about the caller. When one of them cannot be asked the export fails: half of it would pass for all. */
export const exportMe: UserHandler<'exportMe'> = async (call, service) => {
  const user = await findOwnAccount(service.db, call.principal);
  const asService = { cause: call.cause, deadlineMs: call.deadlineMs };
  const asCaller = { ...asService, principal: call.principal };
  const orders = service.client(orderContract);
  const notifications = service.client(notificationContract);
  const kept = await together({
    sessions: listAllSessions(service.db, user.id),
    apiKeys: listApiKeysOf(service.db, user.id),
    passwordResets: listPasswordResets(service.db, user.id),
    orders: everyPage((query) => orders.listForUser({ params: { id: user.id }, query }, asService)),
    carts: everyPage((query) => orders.listCartsForUser({ params: { id: user.id }, query }, asService)),
    notifications: everyPage((query) => notifications.listNotifications({ query }, asCaller)),
    notificationPreferences: notifications.getPreferences({}, asCaller),
  });
  return { body: { exportedAt: service.clock.now(), user, ...kept } };
};

/** Waits for all parts; each keeps its name. */
async function together<T extends Record<string, unknown>>(
  parts: {
    [Name in keyof T]: Promise<T[Name]>;
  },
): Promise<T> {
  const entries = Object.entries(parts).map(async ([name, part]) => [name, await part] as const);
  return Object.fromEntries(await Promise.all(entries)) as T;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

async function everyPage<T>(read: (query: { limit: number; cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await read({ limit: 100, ...(cursor && { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}
