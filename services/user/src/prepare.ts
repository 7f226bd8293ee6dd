import { randomBytes } from 'node:crypto';
import type { ServiceStart } from '@stoa/platform/service';
import { readFirstAdmin } from './config.ts';
import type { UserDeps } from './deps.ts';
import { makeFirstAdmin } from './first-admin.ts';
import { KeyRing } from './key-ring.ts';
import { keepSecret } from './store/secrets.ts';

/** Gets the service ready: its keys, and an admin, so that somebody can sign in to a new shop. */
export async function prepare({ environment, db, clock }: ServiceStart): Promise<UserDeps> {
  const note = await makeFirstAdmin(db, readFirstAdmin(environment));
  // For the person at the terminal, and for no log: logs are kept and shipped.
  if (note !== undefined) process.stdout.write(`${note}\n`);
  return {
    keys: await KeyRing.open(db, clock),
    tokenKey: await keepSecret(db, 'tokens', randomBytes(32)),
    forgotAnswerMs: 300,
  };
}
