import { orderEvents } from '@stoa/contracts/order-messages';
import { userEvents } from '@stoa/contracts/user-messages';
import { crashPoint } from '@stoa/platform/lifecycle';
import type { EventType, Message } from '@stoa/platform/schema';
import { type Reaction, reactionToMany } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { fold } from '../domain/fold.ts';
import { mergeFacts } from '../store/facts.ts';
import { holdGenerations } from '../store/generations.ts';
import { appendHeard } from '../store/log.ts';

/** Everything that analytics listens to; each is logged and folded in the same way. */
const heard: readonly EventType[] = [
  orderEvents.orderConfirmed,
  orderEvents.orderRejected,
  orderEvents.orderCancelled,
  orderEvents.orderRefunded,
  userEvents.userRegistered,
];

export const hearEvents: readonly Reaction[] = heard.map((event) =>
  reactionToMany(event, (messages, tx) => hear(messages, tx)),
);

/**
 * Appends a batch to the log and folds what is new in it into the live tables, and into those that a rebuild fills. Six statements at the most,
 * however many messages.
 */
export async function hear(messages: readonly Message[], tx: Tx): Promise<void> {
  const [{ live, building }, added] = await Promise.all([holdGenerations(tx), appendHeard(tx, messages)]);
  const facts = fold(messages.filter((message) => added.has(message.id)));
  await mergeFacts(tx, building === null ? [live] : [live, building], facts);
  crashPoint('projection.before-commit');
}
