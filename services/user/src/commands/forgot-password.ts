import { setTimeout as wait } from 'node:timers/promises';
import { userEvents } from '@stoa/contracts/user-messages';
import { hashSecret } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { UserDeps, UserHandler } from '../deps.ts';
import { resetToken } from '../reset-token.ts';
import { findCredentials, holdAccount } from '../store/accounts.ts';
import { insertPasswordReset } from '../store/password-resets.ts';

/** Notes that a password is to be set. Answers alike, and after the same time, whether or not there is such an account. */
export const forgotPassword: UserHandler<'forgotPassword'> = async (call, service) => {
  const [done] = await Promise.allSettled([
    noteReset(call.body.email, { cause: call.cause, service }),
    wait(service.deps.forgotAnswerMs),
  ]);
  if (done.status === 'rejected') throw done.reason;
  return { status: 202 };
};

async function noteReset(
  email: string,
  { cause, service }: { cause: Cause; service: Service<UserDeps> },
): Promise<void> {
  const found = await findCredentials(service.db, email);
  if (!found) return;
  const resetId = newId();
  const tokenHash = hashSecret(resetToken(service.deps.tokenKey, resetId));
  await service.db.transaction(async (tx) => {
    const account = await holdAccount(tx, found.id, 'update');
    if (!account?.user.active) return;
    if (!(await insertPasswordReset(tx, { id: resetId, accountId: found.id, tokenHash }))) return;
    const payload = { userId: found.id, resetId };
    service.publish(tx, userEvents.passwordResetRequested, { key: found.id, payload, cause });
  });
}
