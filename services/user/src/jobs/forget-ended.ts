import type { Job } from '@stoa/platform/service';
import type { UserDeps } from '../deps.ts';
import { forgetApiKeys } from '../store/api-keys.ts';
import { forgetPasswordResets } from '../store/password-resets.ts';
import { forgetSessions } from '../store/sessions.ts';

/** Deletes sessions, keys and password resets that ended more than a day ago. */
export const forgetEnded: Job<UserDeps> = {
  name: 'forget-ended',
  everyMs: 600_000,
  async run({ db }) {
    await forgetSessions(db);
    await forgetPasswordResets(db);
    await forgetApiKeys(db);
  },
};
