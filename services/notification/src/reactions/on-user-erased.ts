import { userEvents } from '@stoa/contracts/user-messages';
import { newId } from '@stoa/platform/ids';
import { reactionToMany } from '@stoa/platform/service';
import type { NotificationReaction } from '../deps.ts';
import { forgetMailFiles } from '../effects/delete-mail-files.ts';
import { eraseRecipients } from '../store/mails.ts';
import { forgetPreferences } from '../store/preferences.ts';

/** That something was sent stays; to which address, and the mails themselves where they are files, go. */
export const onUserErased: NotificationReaction = reactionToMany(
  userEvents.userErased,
  async (messages, tx, service) => {
    const userIds = messages.map((message) => message.payload.userId);
    const [mailIds] = await Promise.all([eraseRecipients(tx, 'user_id', userIds), forgetPreferences(tx, userIds)]);
    forgetMailFiles(tx, service, { mailIds, cause: messages[0]?.cause ?? { correlationId: newId() } });
  },
);
