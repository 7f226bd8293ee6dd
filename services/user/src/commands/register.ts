import { checkPasswordRules, hashPassword } from '@stoa/platform/auth';
import { assert, refusal } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import { announceRegistered } from '../announce.ts';
import type { UserHandler } from '../deps.ts';
import { answerSignedIn, openSession } from '../sign-in.ts';
import { findCredentials, holdAccount, insertAccount } from '../store/accounts.ts';

export const register: UserHandler<'register'> = async (call, service) => {
  const { email, password, name } = call.body;
  const errors = checkPasswordRules(password);
  if (errors.length > 0) throw refusal('request.invalid', 'This password may not be chosen.', { errors });
  // Only spares the work of hashing; the unique address decides.
  if (await findCredentials(service.db, email)) throw emailTaken();
  const passwordHash = await hashPassword(password);

  const session = await service.db.transaction(async (tx) => {
    const id = newId();
    const user = await insertAccount(tx, { id, email, name, role: 'customer', passwordHash });
    if (typeof user === 'string') throw emailTaken();
    announceRegistered({ tx, cause: call.cause, service }, user);
    const account = await holdAccount(tx, id, 'share');
    assert(account, 'an account exists in the transaction that made it');
    return openSession(tx, account);
  });
  return { body: await answerSignedIn(session, service) };
};

function emailTaken() {
  return refusal('user.email-taken', 'This e-mail address has an account already.');
}
