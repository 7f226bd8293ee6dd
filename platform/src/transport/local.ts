import { fault } from '../errors/index.ts';
import type { Message } from '../schema/index.ts';
import type { Mailbox, Transport } from './definition.ts';

/** The transport between services of one process: straight into the subscriber's inbox. */
export class LocalTransport implements Transport {
  readonly #mailboxes = new Map<string, Mailbox>();

  attach(service: string, mailbox: Mailbox): void {
    this.#mailboxes.set(service, mailbox);
  }

  async deliver(subscriber: string, messages: readonly Message[]): Promise<void> {
    const mailbox = this.#mailboxes.get(subscriber);
    if (!mailbox) throw fault('service.unavailable', `${subscriber} does not run in this process.`);
    await mailbox.accept(messages);
  }
}
