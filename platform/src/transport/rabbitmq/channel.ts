import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, Connection } from 'rabbitmq-client';

const closeMsMax = 2_000;

/** A channel whose errors are its own: whoever waits for an answer on it gets them. */
export async function openChannel(connection: Connection): Promise<Channel> {
  const channel = await connection.acquire({ emitErrorsFromChannel: true });
  channel.on('error', () => undefined);
  channel.setMaxListeners(0);
  return channel;
}

/** Closes a channel, as far as that can still be done. */
export async function closeChannel(channel: Channel): Promise<void> {
  if (!channel.active) return;
  // When the connection is lost meanwhile, the client waits for ever for an answer; the event comes in any case.
  const closed = new Promise((resolve) => channel.once('close', resolve));
  await Promise.race([channel.close(), closed, sleep(closeMsMax, undefined, { ref: false })]);
}
