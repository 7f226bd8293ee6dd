import { newId } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import type { Place } from '../placements.ts';

/** A message about a new customer, as the user service sends it. */
export function registered(userId: string): Message {
  return {
    id: newId(),
    type: 'user.registered.v1',
    key: userId,
    payload: { userId, role: 'customer', registeredAt: new Date().toISOString() },
    occurredAt: new Date().toISOString(),
    cause: { correlationId: newId() },
  };
}

/** Has the user service send messages to analytics that it has not thought of itself: by its outbox, and so by whatever carries messages in this placement. */
export async function sendToAnalytics(place: Place, messages: readonly Message[]): Promise<void> {
  const database = await place.database('user');
  for (const { id, type, key, ...body } of messages) {
    await database.query(
      `insert into kit.outbox (id, subscriber, type, key, body) values ($1, 'analytics', $2, $3, $4)`,
      [id, type, key, JSON.stringify(body)],
    );
  }
}
