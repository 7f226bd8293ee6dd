import { generateSigningKey, SigningKeys } from '@stoa/platform/auth';
import type { Job } from '@stoa/platform/service';
import type { UserDeps } from '../deps.ts';
import { lockSubject } from '../store/locks.ts';
import { deleteSigningKeys, insertSigningKey, newestSigningKeyInS, readSigningKeys } from '../store/signing-keys.ts';

/** How long one key signs, in seconds: 30 days. */
const signsForS = 30 * 24 * 3600;

/** Adds the next signing key when the newest has served its time, and deletes those whose last token has expired. */
export const rotateSigningKeys: Job<UserDeps> = {
  name: 'rotate-signing-keys',
  everyMs: 3_600_000,
  async run({ db, clock }) {
    await db.transaction(async (tx) => {
      await lockSubject(tx, 'signing-keys');
      const newestInS = await newestSigningKeyInS(tx);
      if (newestInS !== undefined && newestInS < -signsForS)
        await insertSigningKey(tx, await generateSigningKey({ clock }));
      const keys = await SigningKeys.open(await readSigningKeys(tx));
      await deleteSigningKeys(tx, keys.expired(clock.nowMs()));
    });
  },
};
