import type { Message } from '../schema/index.ts';

interface Delivery {
  left: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** A message that has arrived and is not yet durable here. */
export interface Arrival {
  readonly message: Message;
  readonly delivery: Delivery;
}

/** Arrivals in order. A batch takes one a key; those behind it of the same key keep their place. */
export class Arrivals {
  #waiting: Arrival[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** Adds a delivery; the promise settles when all of its messages are durable or one is not. */
  add(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const delivery = { left: messages.length, resolve, reject };
      for (const message of messages) this.#waiting.push({ message, delivery });
    });
  }

  take(limit: number): Arrival[] {
    const keys = new Set<string>();
    const taken: Arrival[] = [];
    const left: Arrival[] = [];
    for (const arrival of this.#waiting) {
      if (taken.length < limit && !keys.has(arrival.message.key)) taken.push(arrival);
      else left.push(arrival);
      keys.add(arrival.message.key);
    }
    this.#waiting = left;
    return taken;
  }

  /** Refuses the whole of each delivery: the sender delivers it again, and what still waits of it must not come before what failed. */
  refuse(arrivals: readonly Arrival[], error: unknown): void {
    const refused = new Set(arrivals.map(({ delivery }) => delivery));
    this.#waiting = this.#waiting.filter(({ delivery }) => !refused.has(delivery));
    for (const delivery of refused) delivery.reject(error);
  }

  /** Refuses whatever waits. */
  refuseAll(error: unknown): void {
    this.refuse(this.#waiting, error);
  }
}

export function settle(arrivals: readonly Arrival[]): void {
  for (const { delivery } of arrivals) if (--delivery.left === 0) delivery.resolve();
}
