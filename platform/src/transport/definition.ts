import type { Message } from '../schema/index.ts';

/** Moves messages and nothing else: retry, order, duplicates and dead letters are the business of outbox and inbox. */
export interface Transport {
  /**
   * Hands messages to one subscriber. Resolves when they are durable there (or have been handled), in the order given; rejects when they may not be,
   * and then all of them are delivered again.
   */
  deliver(subscriber: string, messages: readonly Message[]): Promise<void>;
}

/** Takes messages into a subscriber's inbox. */
export interface Mailbox {
  accept(messages: readonly Message[]): Promise<void>;
}

/** A server between the processes that keeps messages for their subscribers. */
export interface Broker extends Transport {
  readonly state: 'up' | 'down';
  /** Why it is down. */
  readonly reason?: string | undefined;
  /** Begins to take a hosted service's messages out of its queue, into its inbox. */
  consume(service: string, mailbox: Mailbox): Promise<{ stop(): Promise<void> }>;
}
