import { checkPasswordRules, hashPassword, hashSecret } from '@stoa/platform/auth';
import { refusal } from '@stoa/platform/errors';
import { announceChanged } from '../announce.ts';
import type { UserHandler } from '../deps.ts';
import { holdAccount, updatePassword, voidTokens } from '../store/accounts.ts';
import { findResettable, usePasswordReset } from '../store/password-resets.ts';
import { endSessions } from '../store/sessions.ts';

export const resetPassword: UserHandler<'resetPassword'> = async (call, service) => {
  const { token, password } = call.body;
  const errors = checkPasswordRules(password);
  if (errors.length > 0) throw refusal('request.invalid', 'This password may not be chosen.', { errors });
  const tokenHash = hashSecret(token);
  const accountId = await findResettable(service.db, tokenHash);
  if (!accountId) throw tokenInvalid();
  const passwordHash = await hashPassword(password);

  await service.db.transaction(async (tx) => {
    const account = await holdAccount(tx, accountId, 'update');
    if (!account?.user.active || !(await usePasswordReset(tx, tokenHash))) throw tokenInvalid();
    await updatePassword(tx, accountId, passwordHash);
    await endSessions(tx, accountId);
    const tokensValidFrom = await voidTokens(tx, accountId);
    announceChanged({ tx, cause: call.cause, service }, account.user, tokensValidFrom);
  });
  return {};
};

function tokenInvalid() {
  return refusal('auth.reset-token-invalid', 'This link was used before or is too old. Ask for a new one.');
}
