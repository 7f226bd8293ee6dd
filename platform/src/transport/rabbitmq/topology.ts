import type { Connection } from 'rabbitmq-client';
import { closeChannel, openChannel } from './channel.ts';

/** Where every message is published. */
export const exchange = 'stoa';

/** The queue that a service's messages wait in. */
export function queueOf(service: string): string {
  return `${exchange}.${service}`;
}

/** `order.payment.captured.v1`: who it is for, then what it is. */
export function routingKey(subscriber: string, type: string): string {
  return `${subscriber}.${type}`;
}

/**
 * Quorum queues survive the loss of a node, and one consumer at a time keeps the order over replicas.
 *
 * RabbitMQ 4 drops a message after 20 deliveries unless told otherwise, and every pause of a consumer is a delivery. "No limit" is `-1` there and an error
 * in 3.10, so the limit is a number that is never reached; the same on both, because a queue's arguments can never be changed.
 */
const queueArguments = {
  'x-queue-type': 'quorum',
  'x-single-active-consumer': true,
  'x-delivery-limit': 1_000_000_000,
} as const;

/** Makes sure that what `services` hear has a place to wait. Changes nothing that is there already. */
export async function declareTopology(connection: Connection, services: readonly string[]): Promise<void> {
  const channel = await openChannel(connection);
  try {
    await channel.exchangeDeclare({ exchange, type: 'topic', durable: true });
    for (const service of services) {
      const queue = queueOf(service);
      await channel.queueDeclare({ queue, durable: true, arguments: queueArguments });
      await channel.queueBind({ exchange, queue, routingKey: `${service}.#` });
    }
  } finally {
    await closeChannel(channel);
  }
}

/** Asks whether the exchange is there, which needs no permission and changes nothing. */
export async function askForExchange(connection: Connection): Promise<void> {
  await connection.exchangeDeclare({ exchange, type: 'topic', passive: true });
}

/** Finds out whether this user may publish, which the broker tells nobody before the first message. Nothing is bound to the key. */
export async function tryPublishing(connection: Connection): Promise<void> {
  const channel = await openChannel(connection);
  try {
    await channel.confirmSelect();
    await channel.basicPublish({ exchange, routingKey: '' }, Buffer.alloc(0));
  } finally {
    await closeChannel(channel);
  }
}
