import { orderEvents } from '@stoa/contracts/order-messages';
import { newId } from '@stoa/platform/ids';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { forgetMailFiles } from '../effects/delete-mail-files.ts';
import { eraseRecipients } from '../store/mails.ts';

/** The same for one order: a guest, whom only an order knows, or a user whose erasure has reached the order, so that nobody can ask for the address any more. */
export const onContactErased: NotificationReaction = reactionToMany(
  orderEvents.contactErased,
  async (messages, tx, service) => {
    const contactIds = messages.map((message) => message.payload.contactId);
    const mailIds = await eraseRecipients(tx, 'contact_id', contactIds);
    forgetMailFiles(tx, service, { mailIds, cause: messages[0]?.cause ?? { correlationId: newId() } });
  },
);
