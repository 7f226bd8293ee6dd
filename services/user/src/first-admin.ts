import { randomBytes } from 'node:crypto';
import { hashPassword } from '@stoa/platform/auth';
import { fault } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import type { Database } from '@stoa/platform/sql';
import type { FirstAdmin } from './config.ts';
import { insertAccount, isThereAnAdmin } from './store/accounts.ts';
import { lockSubject } from './store/locks.ts';

/**
 * Makes the first admin where there is none. Of several processes that start at once, one makes it.
 *
 * @returns what to tell whoever started the shop: only when the password was made up here, and only this once
 */
export async function makeFirstAdmin(db: Database, wanted: FirstAdmin): Promise<string | undefined> {
  if (await isThereAnAdmin(db)) return undefined;
  const email = wanted.email ?? 'admin@stoa.local';
  const password = wanted.password ?? randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(password);
  const made = await db.transaction(async (tx) => {
    await lockSubject(tx, 'admins');
    if (await isThereAnAdmin(tx)) return false;
    const account = { id: newId(), email, name: 'Admin', role: 'admin', passwordHash } as const;
    if (typeof (await insertAccount(tx, account)) === 'string') {
      // Whoever opened that account chose its password: it must not become an admin's by a restart.
      throw fault('config.invalid', `${email} is a customer's address already. Set STOA_ADMIN_EMAIL to another one.`);
    }
    return true;
  });
  if (!made || wanted.password !== undefined) return undefined;
  return `Stoa made the first admin: ${email} with the password ${password} (shown once)`;
}
