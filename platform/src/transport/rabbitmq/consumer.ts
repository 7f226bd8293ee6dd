import { setTimeout as sleep } from 'node:timers/promises';
import type { AppError } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/index.ts';
import type { BrokerMailbox } from '../definition.ts';
import type { BrokerCounts } from './counts.ts';
import type { Link } from './link.ts';
import { Session } from './session.ts';

export interface ConsumerOptions {
  readonly service: string;
  readonly link: Link;
  readonly mailbox: BrokerMailbox;
  readonly counts: BrokerCounts;
  readonly log: Logger;
  readonly explain: (error: unknown) => AppError;
}

const retryMsMin = 50;
const retryMsMax = 2_000;

/**
 * Takes a service's messages out of its queue for as long as it runs. When the inbox cannot take them, nothing is consumed until it can: what was delivered goes
 * back into the queue, in its order, once, instead of being refused message by message for as long as the database is away.
 */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #stop = new AbortController();
  #session: Session | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  #isToldOf = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** @throws AppError `config.invalid` when the broker will never let this service consume */
  async start(): Promise<void> {
    try {
      this.#session = await this.#open();
    } catch (error) {
      const explained = this.#options.explain(error);
      if (explained.code === 'config.invalid') throw explained;
      this.#tell(error);
    }
    this.#running = this.#run();
  }

  /** Finishes and acknowledges what the inbox has begun to take; the rest stays in the queue. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#session?.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        this.#session ??= await this.#open();
        if (this.#stop.signal.aborted) await this.#session.end();
        const error = await this.#session.ended;
        this.#session = undefined;
        if (error !== undefined) throw error;
      } catch (error) {
        this.#tell(error);
        await this.#pause();
      }
    }
  }

  async #open(): Promise<Session> {
    const { mailbox } = this.#options;
    await mailbox.reach();
    return Session.open({ ...this.#options, onAcked: () => this.#recovered() });
  }

  #tell(error: unknown): void {
    this.#failures++;
    // Losing the broker is told by the connection; a first failure may be a passing one.
    if (this.#isToldOf || this.#failures < 2 || this.#options.link.reason !== undefined) return;
    this.#isToldOf = true;
    this.#options.log.warn({ err: error }, 'messages wait in the queue: they cannot be taken in');
  }

  #recovered(): void {
    if (this.#isToldOf) this.#options.log.info('messages are taken in again');
    this.#isToldOf = false;
    this.#failures = 0;
  }

  async #pause(): Promise<void> {
    const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#failures, 10)) * (0.5 + Math.random() / 2);
    await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
