import { fault } from '../../errors/index.ts';
import type { Message } from '../../schema/index.ts';
import type { Logger, Metrics } from '../../telemetry/index.ts';
import type { Broker, BrokerMailbox } from '../definition.ts';
import { Consumer } from './consumer.ts';
import { type BrokerCounts, countMessages } from './counts.ts';
import { addressOf, explainSetup } from './explain.ts';
import { Link, type LinkOptions } from './link.ts';
import { Publisher } from './publisher.ts';
import { askForExchange, declareTopology, tryPublishing } from './topology.ts';

export interface RabbitOptions {
  /** `amqp://user:password@host:5672/vhost`, `amqps:` with TLS. */
  readonly url: string;
  /** The connections' name in the broker's tools: `stoa order`. */
  readonly name: string;
  /** Every service that hears messages, in whichever process it runs. */
  readonly services: readonly string[];
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  /** How long the start waits for a broker that cannot be reached, in milliseconds; 15 s unless given. */
  readonly connectMsMax?: number;
}

const connectMsMaxDefault = 15_000;

/** Messages between processes through RabbitMQ 3.10 or later. */
export interface RabbitTransport extends Broker {
  close(): Promise<void>;
}

/**
 * Connects with RabbitMQ and makes sure that exchange, queues and permissions are there. Afterwards a broker that is lost is looked for until it is back.
 *
 * @throws AppError `config.invalid` (wrong URL, login, permission, other queues of the same names) or `service.unavailable`; neither says the password
 * @example
 * const rabbit = await connectRabbit({ url: 'amqp://stoa:secret@localhost/', name: 'stoa order', services: ['order', 'payment'], log });
 * await rabbit.deliver('payment', messages);
 */
export async function connectRabbit(options: RabbitOptions): Promise<RabbitTransport> {
  const address = addressOf(options.url);
  const { url, name, log, connectMsMax = connectMsMaxDefault } = options;
  const linkOptions = { url, address, name, log, connectMsMax };
  const link = await Link.open(linkOptions);
  try {
    await declareTopology(link.connection, options.services);
    await tryPublishing(link.connection);
  } catch (error) {
    await link.close();
    throw explainSetup(error, address);
  }
  return new Rabbit(link, linkOptions, options);
}

class Rabbit implements RabbitTransport {
  readonly #publishing: Link;
  readonly #publisher: Publisher;
  readonly #linkOptions: LinkOptions;
  readonly #counts: BrokerCounts;
  readonly #consumers = new Set<Consumer>();
  // A connection of its own: the broker stops reading from one that publishes when memory runs short, and acknowledgements have to go on.
  #consuming: Promise<Link> | undefined;
  #consumingLink: Link | undefined;

  constructor(publishing: Link, linkOptions: LinkOptions, { services, metrics }: RabbitOptions) {
    this.#publishing = publishing;
    this.#linkOptions = linkOptions;
    this.#counts = countMessages(metrics);
    this.#publisher = new Publisher({ link: publishing, services, counts: this.#counts });
    metrics?.gauge('stoa_broker_connected', 'Whether the broker is there and takes messages', ['purpose'], () => [
      { labels: { purpose: 'publish' }, value: publishing.reason === undefined ? 1 : 0 },
      ...(this.#consumingLink
        ? [{ labels: { purpose: 'consume' }, value: this.#consumingLink.reason === undefined ? 1 : 0 }]
        : []),
    ]);
  }

  get state(): 'up' | 'down' {
    return this.reason === undefined ? 'up' : 'down';
  }

  get reason(): string | undefined {
    return this.#publishing.reason ?? this.#consumingLink?.reason ?? this.#publisher.problem;
  }

  deliver(subscriber: string, messages: readonly Message[]): Promise<void> {
    return this.#publisher.deliver(subscriber, messages);
  }

  async ping(): Promise<void> {
    // One that is away, or reads nothing for want of memory, is not waited for.
    if (this.#publishing.reason !== undefined) throw fault('service.unavailable', this.#publishing.reason);
    await askForExchange(this.#publishing.connection);
  }

  async consume(service: string, mailbox: BrokerMailbox): Promise<{ stop(): Promise<void> }> {
    const link = await this.#consumingConnection();
    const { address, log } = this.#linkOptions;
    const consumer = new Consumer({
      service,
      link,
      mailbox,
      counts: this.#counts,
      log: log.child({ service }),
      explain: (error) => explainSetup(error, address),
    });
    await consumer.start();
    this.#consumers.add(consumer);
    return {
      stop: async () => {
        this.#consumers.delete(consumer);
        await consumer.stop();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await this.#publisher.close();
    await Promise.all([this.#publishing.close(), this.#consumingLink?.close()]);
  }

  async #consumingConnection(): Promise<Link> {
    this.#consuming ??= Link.open({ ...this.#linkOptions, name: `${this.#linkOptions.name} (consuming)` });
    this.#consumingLink = await this.#consuming;
    return this.#consumingLink;
  }
}
