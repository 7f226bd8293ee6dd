import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What an API key starts with, so that people, logs and secret scanners know one when they see it. */
export const apiKeyPrefix = 'stoa_key';

/**
 * Makes an opaque secret of 256 random bits: shown once, stored only as its hash.
 *
 * @param prefix names the kind, like `stoa_key`
 * @returns `secret` is `<prefix>_<43 characters of base64url>`; `hash` is what to store and look up by
 */
export function newSecret(prefix: string): { readonly secret: string; readonly hash: string } {
  const secret = `${prefix}_${randomBytes(32).toString('base64url')}`;
  return { secret, hash: hashSecret(secret) };
}

/** The SHA-256 of a secret in hexadecimal. A slow hash would add nothing: 256 random bits cannot be guessed. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether two secrets (or two hashes) are the same text, in a time that does not tell where they differ. */
export function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Whether a bearer token is meant as an API key (and so is to be looked up by its hash, not verified as a JWT). */
export function isApiKey(token: string): boolean {
  return token.startsWith(`${apiKeyPrefix}_`);
}
