import type { Socket, TcpSocketConnectOpts } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';
import type { AppError } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/index.ts';
import { type BrokerAddress, explainConnecting } from './explain.ts';
import { greet } from './greet.ts';

export interface LinkOptions {
  readonly url: string;
  readonly address: BrokerAddress;
  /** Shown by the broker's tools. */
  readonly name: string;
  readonly log: Logger;
  /** How long a start waits for a broker that does not answer. */
  readonly connectMsMax: number;
}

/** Sent and not confirmed: enough for the broker to write many at once, and little enough to be held twice in memory. */
export const bytesInFlightMax = 8 * 1_048_576;

const retryMs = 500;
const closeMsMax = 2_000;

const limits = {
  // The smallest frame that RabbitMQ 4.1 accepts. The client counts frames by what it asked for, not by what was agreed, so it has to ask for no more than
  // any server grants: with more, a server that grants less would send bodies that never end.
  frameMax: 8_192,
  // A silent connection is given up after two to two and a half of these, by either side.
  heartbeat: 6,
  connectionTimeout: 5_000,
  /** How long a message waits for a lost connection before it is handed back to the outbox. */
  acquireTimeout: 2_000,
  retryLow: 100,
  retryHigh: 2_000,
  noDelay: true,
  // What is sent together is held back until all of it is there (see `together`), so the socket takes it all.
  socket: { writableHighWaterMark: bytesInFlightMax } as unknown as TcpSocketConnectOpts,
};

/** One connection to the broker, which comes back by itself. */
export class Link {
  readonly connection: Connection;
  readonly #address: BrokerAddress;
  readonly #log: Logger;
  #lost: string | undefined = 'it has not been reached yet';
  #blocked: string | undefined;

  private constructor({ url, name, address, log }: LinkOptions) {
    this.#address = address;
    this.#log = log.child({ broker: address.place, connection: name });
    this.connection = new Connection({ url, connectionName: name, ...limits });
    this.connection.on('error', (error: unknown) => this.#down(error));
    this.connection.on('connection', () => this.#up());
    this.connection.on('connection.blocked', (why) => this.#block(why));
    this.connection.on('connection.unblocked', () => this.#unblock());
  }

  /**
   * Connects. What will not get better by itself ends the start at once, a broker that is away after a while.
   *
   * @throws AppError `config.invalid` or `service.unavailable`
   */
  static async open(options: LinkOptions): Promise<Link> {
    for (const endMs = performance.now() + options.connectMsMax; ; await sleep(retryMs)) {
      const opened = await Link.#tryOpening(options);
      if (opened instanceof Link) return opened;
      if (opened.code === 'config.invalid' || performance.now() + retryMs > endMs) throw opened;
    }
  }

  static async #tryOpening(options: LinkOptions): Promise<Link | AppError> {
    try {
      await greet(options.url, limits.connectionTimeout);
    } catch (error) {
      return explainConnecting(error, options.address);
    }
    const link = new Link(options);
    const failed = await link.#firstTry();
    if (failed) link.connection.unsafeDestroy();
    return failed ?? link;
  }

  /** Why nothing can be sent now; undefined when it can. */
  get reason(): string | undefined {
    return this.#lost ?? this.#blocked;
  }

  /** Whether the broker is there and has asked to be sent nothing. */
  get isBlocked(): boolean {
    return this.#blocked !== undefined;
  }

  /** Has everything that `send` sends leave in one write. The client makes a system call a message: a fifth of what a busy service did was that. */
  together(send: () => void): void {
    const { _socket: socket } = this.connection as unknown as { _socket: Socket };
    socket.cork();
    try {
      send();
    } finally {
      socket.uncork();
    }
  }

  /** Ends it. Whoever has channels open closes them first. */
  async close(): Promise<void> {
    await Promise.race([this.connection.close(), sleep(closeMsMax, undefined, { ref: false })]);
    this.connection.unsafeDestroy();
  }

  #firstTry(): Promise<AppError | undefined> {
    return new Promise((resolve) => {
      this.connection.once('connection', () => resolve(undefined));
      this.connection.once('error', (error: unknown) => resolve(explainConnecting(error, this.#address)));
    });
  }

  #down(error: unknown): void {
    const first = this.#lost === undefined;
    this.#lost = explainConnecting(error, this.#address).message;
    this.#blocked = undefined;
    if (first) this.#log.warn({ err: error }, 'the broker is lost; messages wait until it is back');
  }

  #up(): void {
    if (this.#lost !== undefined) this.#log.info('connected with the broker');
    this.#lost = undefined;
  }

  #block(why: string): void {
    this.#blocked = `The broker takes no messages now: ${why}. Give it memory or disk space.`;
    this.#log.warn({ why }, 'the broker takes no messages now');
  }

  #unblock(): void {
    this.#blocked = undefined;
    this.#log.info('the broker takes messages again');
  }
}
