import type { Message } from '../schema/index.ts';

/** Moves messages and nothing else: retry, order, duplicates and dead letters are the business of outbox and inbox. */
export interface Transport {
  /**
   * Hands messages to one subscriber. Resolves when they are durable there (or have been handled), in the order given; rejects when they may not be,
   * and then all of them are delivered again.
   */
  deliver(subscriber: string, messages: readonly Message[]): Promise<void>;
}
