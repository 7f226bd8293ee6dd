import type { Message } from '../schema/index.ts';
import type { Transport } from './definition.ts';

/** Hands messages to a service in another process; rejects when they may not be durable there. */
export type Hand = (subscriber: string, messages: readonly Message[]) => Promise<void>;

/** Small enough for one request, whatever the messages hold. */
const bytesMax = 4 * 1_048_576;

/**
 * The transport between processes where there is no broker: each subscriber takes its messages by a request, into its own inbox, and the sender keeps
 * them until it has. Messages go in pieces, one after the other, because the next must not arrive before one that failed.
 */
export class RemoteTransport implements Transport {
  readonly #hand: Hand;

  constructor(hand: Hand) {
    this.#hand = hand;
  }

  async deliver(subscriber: string, messages: readonly Message[]): Promise<void> {
    for (const piece of pieces(messages)) await this.#hand(subscriber, piece);
  }
}

function pieces(messages: readonly Message[]): Message[][] {
  const all: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    // Characters, of which none but the rarest take more than three bytes: an estimate on the safe side of the limit.
    const size = JSON.stringify(message).length;
    if (bytes + size > bytesMax) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)?.push(message);
    bytes += size;
  }
  return all;
}
