import { createHmac } from 'node:crypto';
import { assert } from '../errors/index.ts';
import { equalSecrets } from './secret.ts';

/**
 * The token that proves its bearer was given the thing called `id` (a guest's cart, a guest's order). It is the same each time,
 * so that a replayed answer is the same to the byte, and nothing has to be stored.
 *
 * @param key at least 32 secret bytes
 * @param purpose keeps the tokens of one kind from opening another, like `order`
 * @returns 43 characters of base64url (HMAC-SHA256)
 */
export function signReference(key: Buffer, purpose: string, id: string): string {
  assert(key.length >= 32, 'a reference key has at least 32 bytes');
  assert(!purpose.includes('\0'), 'a purpose has no NUL, which ends it');
  return createHmac('sha256', key).update(`${purpose}\0${id}`).digest('base64url');
}

/** Whether `token` is the one that `signReference` gives for this key, purpose and id. */
export function verifyReference(key: Buffer, purpose: string, id: string, token: string): boolean {
  return equalSecrets(signReference(key, purpose, id), token);
}
