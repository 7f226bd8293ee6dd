import type { AsyncMessage, Channel } from 'rabbitmq-client';
import { turn } from '../../lifecycle/index.ts';
import { handIn } from '../arrived.ts';
import type { BrokerMailbox } from '../definition.ts';
import { closeChannel, openChannel } from './channel.ts';
import type { BrokerCounts } from './counts.ts';
import type { Link } from './link.ts';
import { declareTopology, queueOf } from './topology.ts';
import { decode } from './wire.ts';

export interface SessionOptions {
  readonly service: string;
  readonly link: Link;
  readonly mailbox: BrokerMailbox;
  readonly counts: BrokerCounts;
  readonly onAcked: () => void;
}

/**
 * One inbox batch is carried out while the next is on its way. Measured: 30,000 messages from an outbox through RabbitMQ 3.10 into effects, two shared cores
 * with everything on them. 100 gave 13,000 messages/s in batches of 47; 500 gave 13,000 to 16,000 in batches of 200; 1,000 gave 15,000 in batches of 280 to
 * 400; 2,000 the same. All replicas of all versions have to use the same: what a consumer with more gave back would be put into another order by one with less.
 */
const prefetch = 1_000;
/** As many as the inbox takes in one transaction. */
const batchMax = 500;

/**
 * A time of consuming on one channel. It ends with its channel, and whatever it has not acknowledged then goes back into the queue, in order.
 *
 * The consumer is never cancelled on an open channel: RabbitMQ 3 would make the next replica the active one at once, while messages are still unacknowledged
 * here, and later messages of a key could overtake them. Closing the channel puts those back first.
 */
export class Session {
  /** Settles when it is over; with the error that ended it, if one did. */
  readonly ended: Promise<unknown>;
  readonly #options: SessionOptions;
  readonly #channel: Channel;
  #settle: (error: unknown) => void = () => undefined;
  #deliveries: AsyncMessage[] = [];
  #working: Promise<void> | undefined;
  #failure: unknown;
  #isOver = false;

  private constructor(channel: Channel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    channel.on('error', (error: unknown) => this.#fail(error));
    channel.once('close', () => this.#fail(undefined));
    // The queue was deleted, or its node is going.
    channel.once('basic.cancel', (_tag: string, error: unknown) => this.#fail(error));
  }

  static async open(options: SessionOptions): Promise<Session> {
    const { service, link } = options;
    await declareTopology(link.connection, [service]);
    const channel = await openChannel(link.connection);
    const session = new Session(channel, options);
    try {
      await channel.basicQos({ prefetchCount: prefetch });
      await channel.basicConsume({ queue: queueOf(service) }, (delivery) => session.#take(delivery));
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** Finishes what the inbox is taking, acknowledges it, and gives the rest back. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#deliveries = [];
    await this.#working;
    await closeChannel(this.#channel);
    this.#settle(this.#failure);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    if (!this.#isOver) void this.end();
  }

  #take(delivery: AsyncMessage): void {
    if (this.#isOver) return;
    this.#deliveries.push(delivery);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    // What arrived in one turn of the event loop goes into the inbox together.
    await turn();
    while (!this.#isOver && this.#deliveries.length > 0) {
      const batch = this.#deliveries.splice(0, batchMax);
      try {
        // One batch at a time: when it fails, none behind it may have been taken.
        await this.#handOver(batch);
      } catch (error) {
        this.#failure ??= error;
        // Not awaited: it waits for this.
        void this.end();
        return;
      }
      this.#acknowledge(batch);
    }
  }

  async #handOver(batch: readonly AsyncMessage[]): Promise<void> {
    const { mailbox, counts, service } = this.#options;
    const arrived = batch.map(decode);
    const undecodable = arrived.filter((one) => 'undecodable' in one).length;
    counts.add(service, 'redelivered', batch.filter(({ redelivered }) => redelivered).length);
    await handIn(mailbox, arrived);
    counts.add(service, 'undecodable', undecodable);
    counts.add(service, 'consumed', arrived.length - undecodable);
  }

  #acknowledge(batch: readonly AsyncMessage[]): void {
    const last = batch.at(-1);
    // A channel that has closed meanwhile takes no acknowledgement: they come again, and the inbox knows them.
    if (last === undefined || !this.#channel.active) return;
    this.#channel.basicAck({ deliveryTag: last.deliveryTag, multiple: true });
    this.#options.onAcked();
  }
}
