import { isStaff, userIdOf } from '@stoa/platform/http';
import { userNotFound } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { findAccount } from '../store/accounts.ts';

export const getUser: UserHandler<'getUser'> = async (call, service) => {
  const { id } = call.params;
  if (userIdOf(call.principal) !== id && !isStaff(call.principal, ['support'])) throw userNotFound();
  const user = await findAccount(service.db, id);
  if (!user) throw userNotFound();
  return { body: user, version: user.version };
};
