import { refusal } from '@stoa/platform/errors';
import type { UserHandler } from '../deps.ts';
import { resetToken } from '../reset-token.ts';
import { findResetMail } from '../store/password-resets.ts';

export const getPasswordReset: UserHandler<'getPasswordReset'> = async (call, service) => {
  const { id } = call.params;
  const mail = await findResetMail(service.db, id);
  if (!mail) throw refusal('password-reset.not-found', 'There is no such password reset that is still good.');
  return { body: { ...mail, token: resetToken(service.deps.tokenKey, id) } };
};
