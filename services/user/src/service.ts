import { userContract } from '@stoa/contracts/user';
import { defineService } from '@stoa/platform/service';
import { changeUser } from './commands/change-user.ts';
import { createApiKey } from './commands/create-api-key.ts';
import { createUser } from './commands/create-user.ts';
import { deleteApiKey } from './commands/delete-api-key.ts';
import { endSession } from './commands/end-session.ts';
import { eraseMe } from './commands/erase-me.ts';
import { forgotPassword } from './commands/forgot-password.ts';
import { logIn } from './commands/log-in.ts';
import { logOut } from './commands/log-out.ts';
import { refresh } from './commands/refresh.ts';
import { register } from './commands/register.ts';
import { resetPassword } from './commands/reset-password.ts';
import { updateMe } from './commands/update-me.ts';
import { verifyApiKey } from './commands/verify-api-key.ts';
import type { UserDeps } from './deps.ts';
import { forgetEnded } from './jobs/forget-ended.ts';
import { rotateSigningKeys } from './jobs/rotate-signing-keys.ts';
import { prepare } from './prepare.ts';
import { exportMe } from './queries/export-me.ts';
import { findContacts } from './queries/find-contacts.ts';
import { getContact } from './queries/get-contact.ts';
import { getKeySet } from './queries/get-key-set.ts';
import { getMe } from './queries/get-me.ts';
import { getPasswordReset } from './queries/get-password-reset.ts';
import { getUser } from './queries/get-user.ts';
import { listApiKeys } from './queries/list-api-keys.ts';
import { listRevocations } from './queries/list-revocations.ts';
import { listSessions } from './queries/list-sessions.ts';
import { listUsers } from './queries/list-users.ts';

/** Accounts, sign-in, machines' keys; and for the other services: how to reach a user, and whose tokens are good. */
export const user = defineService<UserDeps>({
  name: 'user',
  contract: userContract,
  migrations: new URL('../migrations/', import.meta.url),
  prepare,
  routes: {
    register,
    logIn,
    refresh,
    logOut,
    forgotPassword,
    resetPassword,
    getKeySet,

    getMe,
    updateMe,
    eraseMe,
    exportMe,
    listSessions,
    endSession,

    listUsers,
    createUser,
    getUser,
    changeUser,
    createApiKey,
    listApiKeys,
    deleteApiKey,

    getContact,
    findContacts,
    getPasswordReset,
    verifyApiKey,
    listRevocations,
  },
  jobs: [rotateSigningKeys, forgetEnded],
});
