import { userEvents } from '@stoa/contracts/user-messages';
import { refusal } from '@stoa/platform/errors';
import { requireMatch } from '@stoa/platform/http';
import { eraseAnswers } from '@stoa/platform/idempotency';
import { accountGone, personOf } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { endsAnAdmin } from '../domain/admins.ts';
import { endApiKeysOf } from '../end-api-keys.ts';
import { holdAccount, isThereAnotherAdmin, overwritePerson, voidTokens } from '../store/accounts.ts';
import { anonymiseApiKeysOf } from '../store/api-keys.ts';
import { lockSubject } from '../store/locks.ts';
import { deletePasswordResets } from '../store/password-resets.ts';
import { deleteSessions } from '../store/sessions.ts';

/** Erases a person. The row stays, as others point to it; nothing in it tells who it was. The other services hear of it and do the same. */
export const eraseMe: UserHandler<'eraseMe'> = async (call, service) => {
  const { userId } = personOf(call.principal);
  await service.db.transaction(async (tx) => {
    await lockSubject(tx, 'admins');
    const account = await holdAccount(tx, userId, 'update');
    if (!account) throw accountGone();
    requireMatch(call, account.user.version);
    if (endsAnAdmin(account.user, { ...account.user, active: false }) && !(await isThereAnotherAdmin(tx, userId))) {
      throw refusal('user.last-admin', 'You are the last admin. Make another one first.');
    }
    await endApiKeysOf({ tx, cause: call.cause, service }, userId);
    await anonymiseApiKeysOf(tx, userId);
    await deleteSessions(tx, userId);
    await deletePasswordResets(tx, userId);
    await eraseAnswers(tx, [userId]);
    await voidTokens(tx, userId);
    const { erasedAt } = await overwritePerson(tx, userId);
    service.publish(tx, userEvents.userErased, { key: userId, payload: { userId, erasedAt }, cause: call.cause });
  });
  return {};
};
