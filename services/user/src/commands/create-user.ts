import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import { announceRegistered } from '../announce.ts';
import { holdAdmin } from '../caller.ts';
import type { UserHandler } from '../deps.ts';
import { insertAccount } from '../store/accounts.ts';

/** Makes an account without a password: nothing is hashed, so imports can call it by the thousand. */
export const createUser: UserHandler<'createUser'> = async (call, service) => {
  const { role = 'customer', ...person } = call.body;
  return once(call, service as never, {
    work: async (tx) => {
      if (role !== 'customer') await holdAdmin(tx, call.principal);
      const made = await insertAccount(tx, { ...person, id: newId(), role, passwordHash: null });
      if (made === 'external-id-taken') throw refusal('user.external-id-taken', 'Another user has this external id.');
      if (made === 'email-taken') throw refusal('user.email-taken', 'This e-mail address has an account already.');
      announceRegistered({ tx, cause: call.cause, service }, made);
      const headers = { location: `/api/v1/users/${made.id}` };
      return { resource: made.id, answer: { status: 201, body: made, version: made.version, headers } };
    },
  });
};
