import type { Contact, userContract } from '@stoa/contracts/user';
import type { Client } from '@stoa/platform/client';
import { findAppError, refusal } from '@stoa/platform/errors';
import type { Asker } from '@stoa/platform/schema';

const keptMs = 2_000;
const contactsMax = 20_000;

/**
 * Accounts that order, as the user service has them; kept for two seconds, so that an import asks once a customer. For so long an account that was
 * deactivated may still order; one that was erased may not, by the database.
 */
export class Customers {
  readonly #user: Client<typeof userContract>;
  readonly #kept = new Map<string, { contact: Contact; untilMs: number }>();

  constructor(user: Client<typeof userContract>) {
    this.#user = user;
  }

  /** The account; refused with `user.inactive` when it may not order, or is none. */
  async active(userId: string, { cause, deadlineMs }: Asker): Promise<Contact> {
    const nowMs = performance.now();
    let kept = this.#kept.get(userId);
    if (!kept || kept.untilMs <= nowMs) {
      const contact = await this.#user.getContact({ params: { id: userId } }, { cause, deadlineMs }).catch((error) => {
        throw findAppError(error)?.code === 'user.not-found' ? inactive(error) : error;
      });
      kept = { contact, untilMs: nowMs + keptMs };
      if (this.#kept.size >= contactsMax) this.#kept.clear();
      this.#kept.set(userId, kept);
    }
    if (!kept.contact.active) throw inactive();
    return kept.contact;
  }

  forget(userId: string): void {
    this.#kept.delete(userId);
  }
}

export function inactive(cause?: unknown): Error {
  return refusal('user.inactive', 'The account is not active and cannot order.', { cause });
}
