import { findAppError } from '../errors/index.ts';
import type { Message } from '../schema/index.ts';
import type { Transport } from './definition.ts';

/** Hands messages, or the texts of messages, to a service in another process; rejects when they may not be durable there. */
export type Hand = (subscriber: string, messages: readonly (Message | string)[]) => Promise<void>;

/** Small enough for one request, whatever the messages hold. */
const lengthMax = 4 * 1_048_576;
const shownLengthMax = 4_096;
/** What a service says of a body that it will never take; whatever else it says may have another end next time. */
const refusals = new Set(['request.invalid', 'request.too-large']);

/**
 * The transport between processes where there is no broker: each subscriber takes its messages by a request, into its own inbox, and the sender keeps
 * them until it has. Messages go in pieces, one after the other, because the next must not arrive before one that failed.
 *
 * One message that the other side's reader of bodies refuses would hold up all others for ever. So what was refused goes once more as texts, of which the
 * inbox itself finds out which is a message. A program older than this takes no texts and refuses them too: then all wait until it is replaced.
 */
export class RemoteTransport implements Transport {
  readonly #hand: Hand;

  constructor(hand: Hand) {
    this.#hand = hand;
  }

  async deliver(subscriber: string, messages: readonly Message[]): Promise<void> {
    for (const piece of pieces(messages)) {
      await this.#hand(subscriber, piece).catch((error: unknown) => {
        if (!refusals.has(findAppError(error)?.code ?? '')) throw error;
        return this.#hand(subscriber, piece.map(textOf));
      });
    }
  }
}

function pieces(messages: readonly Message[]): Message[][] {
  const all: Message[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    // Characters, of which none but the rarest take more than three bytes: an estimate on the safe side of the limit.
    const size = JSON.stringify(message).length;
    if (length + size > lengthMax) {
      all.push([]);
      length = 0;
    }
    all.at(-1)?.push(message);
    length += size;
  }
  return all;
}

/** What would never fit into a request is cut, and so no message any more: it is shown among the dead instead of being sent for ever. */
function textOf(message: Message): string {
  const text = JSON.stringify(message);
  return text.length > lengthMax ? text.slice(0, shownLengthMax).toWellFormed() : text;
}
