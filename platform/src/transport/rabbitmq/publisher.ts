import type { Channel } from 'rabbitmq-client';
import { fault } from '../../errors/index.ts';
import type { Message } from '../../schema/index.ts';
import { closeChannel, openChannel } from './channel.ts';
import type { BrokerCounts } from './counts.ts';
import { bytesInFlightMax, type Link } from './link.ts';
import { declareTopology } from './topology.ts';
import { encode, envelopeOf } from './wire.ts';

export interface PublisherOptions {
  readonly link: Link;
  /** Every service that hears messages: their queues are there before the first message is. */
  readonly services: readonly string[];
  readonly counts: BrokerCounts;
}

/** A channel of one subscriber's messages, and which of them the broker gave back. */
interface Route {
  readonly channel: Channel;
  readonly returned: Set<string>;
}

/** A broker that confirms nothing for so long is treated as lost. */
const confirmMsMax = 30_000;
// A RabbitMQ 3.10 that was killed within seconds of making a queue comes back with one that has no leader and never gets one.
const unconfirmed = `The broker has confirmed nothing for ${confirmMsMax / 1_000} s. If it goes on, a queue has no leader: restart the broker.`;

/**
 * Publishes with confirms. All messages of a delivery are sent before the first confirm is waited for; one channel a subscriber keeps their order. When one of
 * them fails, the whole delivery does and is sent again: whatever of it is in the queue already comes first in the same order, so that the order of first
 * arrival, which is what the inbox goes by, stays. Only a queue that refuses some messages and takes later ones could break it: no policy with
 * `overflow: reject-publish` may apply to these queues.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #routes = new Map<string, Promise<Route>>();
  readonly #problems = new Map<string, string>();
  /** Declared at the start; again after a failure, because queues may be gone. */
  #topology: Promise<void> | undefined = Promise.resolve();

  constructor(options: PublisherOptions) {
    this.#options = options;
    // What comes back may be another broker, or one that has lost its disk.
    options.link.connection.on('error', () => this.#forget());
  }

  /** Why the last delivery to some subscriber failed, though the broker is there; undefined when none did. */
  get problem(): string | undefined {
    return this.#problems.values().next().value;
  }

  async deliver(subscriber: string, messages: readonly Message[]): Promise<void> {
    const { link, counts } = this.#options;
    if (link.isBlocked) throw fault('service.unavailable', link.reason ?? 'The broker is blocked.');
    let opened: Promise<Route> | undefined;
    try {
      opened = this.#route(subscriber);
      const { channel, returned } = await opened;
      await whileOpen(channel, (confirmed) => publishAll(link, channel, { subscriber, messages, confirmed }));
      // The client tells of a returned message a turn of the event loop after it was read, but resolves the confirm that came behind it at once.
      await new Promise((resolve) => setImmediate(resolve));
      const lost = messages.filter(({ id }) => returned.delete(id)).length;
      if (lost > 0) {
        counts.add(subscriber, 'returned', lost);
        throw fault('service.unavailable', `The broker has no queue for ${subscriber}: ${lost} messages came back.`);
      }
      counts.add(subscriber, 'published', messages.length);
      this.#problems.delete(subscriber);
    } catch (error) {
      this.#problems.set(subscriber, error instanceof Error ? error.message : String(error));
      this.#drop(subscriber, opened);
      throw error;
    }
  }

  async close(): Promise<void> {
    const closing = [...this.#routes.values()].map((route) => route.then(({ channel }) => closeChannel(channel)));
    this.#routes.clear();
    await Promise.allSettled(closing);
  }

  #route(subscriber: string): Promise<Route> {
    let route = this.#routes.get(subscriber);
    if (route === undefined) {
      route = this.#open();
      this.#routes.set(subscriber, route);
    }
    return route;
  }

  async #open(): Promise<Route> {
    const { connection } = this.#options.link;
    this.#topology ??= declareTopology(connection, this.#options.services);
    await this.#topology;
    const channel = await openChannel(connection);
    const returned = new Set<string>();
    channel.on('basic.return', ({ messageId }) => returned.add(messageId ?? ''));
    await channel.confirmSelect();
    return { channel, returned };
  }

  /** After a failure the next delivery begins anew, with the queues declared again in case they are gone. */
  #drop(subscriber: string, opened: Promise<Route> | undefined): void {
    this.#topology = undefined;
    if (opened === undefined || this.#routes.get(subscriber) !== opened) return;
    this.#routes.delete(subscriber);
    opened.then(
      ({ channel }) => closeChannel(channel),
      () => undefined,
    );
  }

  #forget(): void {
    this.#topology = undefined;
    this.#routes.clear();
  }
}

async function publishAll(
  link: Link,
  channel: Channel,
  { subscriber, messages, confirmed }: { subscriber: string; messages: readonly Message[]; confirmed: () => void },
): Promise<void> {
  for (let next = 0; next < messages.length; ) {
    const confirms: Promise<void>[] = [];
    link.together(() => {
      for (let bytes = 0; bytes < bytesInFlightMax && next < messages.length; next++) {
        const message = messages[next] as Message;
        const body = encode(message);
        confirms.push(channel.basicPublish(envelopeOf(subscriber, message), body).then(confirmed));
        bytes += body.length;
      }
    });
    await Promise.all(confirms);
  }
}

/**
 * The client forgets a confirm when the connection is lost in the moment of sending: whoever waits for it has to hear of that from the channel. A slow line is no
 * broker that confirms nothing: the work says of each confirm.
 */
function whileOpen(channel: Channel, work: (confirmed: () => void) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (detail: string) => reject(fault('service.unavailable', detail, { retryAfterS: 1 }));
    const timer = setTimeout(fail, confirmMsMax, unconfirmed);
    // After the error that says more, if the broker gave one.
    const lost = () => setImmediate(fail, 'The broker was lost before it had confirmed everything.');
    channel.once('close', lost);
    const settled = () => {
      clearTimeout(timer);
      channel.off('close', lost);
    };
    work(() => timer.refresh())
      .finally(settled)
      .then(resolve, reject);
  });
}
