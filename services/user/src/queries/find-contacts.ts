import type { UserHandler } from '../deps.ts';
import { listContacts } from '../store/account-lists.ts';

export const findContacts: UserHandler<'findContacts'> = async (call, service) => {
  return { body: { contacts: await listContacts(service.db, call.body.ids) } };
};
