import { refusal } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import { announceRegistered } from '../announce.ts';
import type { UserHandler } from '../deps.ts';
import { insertAccount } from '../store/accounts.ts';

/** Makes an account without a password: nothing is hashed, so imports can call it by the thousand. */
export const createUser: UserHandler<'createUser'> = async (call, service) => {
  const { role = 'customer', ...person } = call.body;
  const user = await service.db.transaction(async (tx) => {
    const made = await insertAccount(tx, { ...person, id: newId(), role, passwordHash: null });
    if (made === 'external-id-taken') throw refusal('user.external-id-taken', 'Another user has this external id.');
    if (made === 'email-taken') throw refusal('user.email-taken', 'This e-mail address has an account already.');
    announceRegistered({ tx, cause: call.cause, service }, made);
    return made;
  });
  return { body: user, version: user.version, headers: { location: `/api/v1/users/${user.id}` } };
};
