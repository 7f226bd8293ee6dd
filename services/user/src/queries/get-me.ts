import { findOwnAccount } from '../caller.ts';
import type { UserHandler } from '../deps.ts';

export const getMe: UserHandler<'getMe'> = async (call, service) => {
  const user = await findOwnAccount(service.db, call.principal);
  return { body: user, version: user.version };
};
