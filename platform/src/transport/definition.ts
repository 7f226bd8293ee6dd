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
  /** Keeps what is no message, for people to look at. */
  bury(undecodable: readonly Undecodable[]): Promise<void>;
}

/** What arrived and is no message that could be carried out or kept. */
export interface Undecodable {
  /** Its own where that can be read; the same for the same delivery, however often it comes. */
  readonly id: string;
  /** The key that it holds back, where that can be read. */
  readonly key?: string | undefined;
  /** What is wrong with it, for people. */
  readonly reason: string;
  /** What it was, as far as it can be shown: shortened, as text or base64. */
  readonly payload: object;
}

/** Takes what comes out of a broker's queue, where anybody may put anything. */
export interface BrokerMailbox extends Mailbox {
  /** Rejects while `accept` would for want of the database. */
  reach(): Promise<void>;
}

/** A server between the processes that keeps messages for their subscribers. */
export interface Broker extends Transport {
  readonly state: 'up' | 'down';
  /** Why it is down. */
  readonly reason?: string | undefined;
  /** Asks it for something and waits for the answer; rejects when there is none. */
  ping(): Promise<void>;
  /** Begins to take a hosted service's messages out of its queue, into its inbox. */
  consume(service: string, mailbox: BrokerMailbox): Promise<{ stop(): Promise<void> }>;
}
