import { orderContract } from '@stoa/contracts/order';
import { userContract } from '@stoa/contracts/user';
import { findAppError } from '@stoa/platform/errors';
import type { ServiceStart } from '@stoa/platform/service';
import type { NotificationDeps } from './deps.ts';

/** Finds out by a call to the contact's owner whom a mail goes to. */
export function recipientResolver(start: Pick<ServiceStart, 'client'>): NotificationDeps['resolveRecipient'] {
  const order = start.client(orderContract);
  const user = start.client(userContract);
  return async (addressee, { cause, deadlineMs }) => {
    if (addressee.kind === 'order-contact') {
      const contact = await unlessGone(
        order.getContact({ params: { id: addressee.contactId } }, { cause, deadlineMs }),
      );
      // Orders of an import may have nobody to write to.
      return contact?.email ? { email: contact.email, name: contact.name ?? '' } : undefined;
    }
    const reset = await unlessGone(user.getPasswordReset({ params: { id: addressee.resetId } }, { cause, deadlineMs }));
    return reset && { email: reset.email, name: reset.name, reset: { token: reset.token, expiresAt: reset.expiresAt } };
  };
}

const gone = new Set(['contact.not-found', 'password-reset.not-found']);

/** A refusal of the owner means that there is nobody to write to: erased, or a reset that is used or too old. */
async function unlessGone<R>(asked: Promise<R>): Promise<R | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (gone.has(findAppError(error)?.code ?? '')) return undefined;
    throw error;
  }
}
