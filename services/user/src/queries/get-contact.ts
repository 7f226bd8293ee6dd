import { userNotFound } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { listContacts } from '../store/account-lists.ts';

export const getContact: UserHandler<'getContact'> = async (call, service) => {
  const [contact] = await listContacts(service.db, [call.params.id]);
  if (!contact) throw userNotFound();
  return { body: contact };
};
