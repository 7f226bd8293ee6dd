import { refusal } from '@stoa/platform/errors';
import { requireMatch } from '@stoa/platform/http';
import { announceChanged } from '../announce.ts';
import { holdAdmin, userNotFound } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { endsAnAdmin } from '../domain/admins.ts';
import { endApiKeysOf } from '../end-api-keys.ts';
import { holdAccount, isThereAnotherAdmin, updateStanding, voidTokens } from '../store/accounts.ts';
import { lockSubject } from '../store/locks.ts';
import { endSessions } from '../store/sessions.ts';

/** Changes role or state. Access tokens are void at once; sessions go on with the new role, and end when the user is deactivated. Who is no admin any more
 * has no machine keys either. */
export const changeUser: UserHandler<'changeUser'> = async (call, service) => {
  const { id } = call.params;
  const user = await service.db.transaction(async (tx) => {
    await lockSubject(tx, 'admins');
    await holdAdmin(tx, call.principal);
    const account = await holdAccount(tx, id, 'update');
    if (!account) throw userNotFound();
    const before = account.user;
    requireMatch(call, before.version);
    const { role = before.role, active = before.active } = call.body;
    if (role === before.role && active === before.active) return before;
    if (endsAnAdmin(before, { role, active }) && !(await isThereAnotherAdmin(tx, id))) {
      throw refusal('user.last-admin', 'This is the last admin. Make another one first.');
    }
    const changed = await updateStanding(tx, id, { role, active });
    if (!active) await endSessions(tx, id);
    const occasion = { tx, cause: call.cause, service };
    if (endsAnAdmin(before, changed)) await endApiKeysOf(occasion, id);
    announceChanged(occasion, changed, await voidTokens(tx, id));
    return changed;
  });
  return { body: user, version: user.version };
};
