import { SignJWT } from 'jose';
import { newId } from '../ids/index.ts';
import type { Role } from '../schema/index.ts';
import type { Clock } from '../time/index.ts';
import type { SigningKeys } from './signing-keys.ts';
import { accessTokenLifetimeS, audience, issuer, tokenType } from './token-form.ts';

export { accessTokenLifetimeS };

/** Whom an access token is made for. */
export interface AccessClaims {
  readonly userId: string;
  readonly role: Role;
  readonly sessionId: string;
}

/** What a verified access token says. */
export interface AccessToken extends AccessClaims {
  readonly tokenId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * Signs an access token (RFC 9068) with the key whose turn it is.
 *
 * `iat` counts whole seconds, so the token also carries `issuedAtMs`: without it a token made right after "revoke everything
 * before now" would be taken for one made before.
 *
 * @param options `lifetimeS` 900 unless told otherwise, and never more: keys are published only that much longer than they sign
 */
export function signAccessToken(
  keys: SigningKeys,
  { userId, role, sessionId }: AccessClaims,
  { clock, lifetimeS = accessTokenLifetimeS }: { clock: Clock; lifetimeS?: number },
): Promise<string> {
  const issuedAtMs = clock.nowMs();
  const issuedAtS = Math.floor(issuedAtMs / 1000);
  const { privateKey, kid, algorithm } = keys.signer(issuedAtMs);
  return new SignJWT({ role, sid: sessionId, issuedAtMs })
    .setProtectedHeader({ alg: algorithm, kid, typ: tokenType })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(userId)
    .setIssuedAt(issuedAtS)
    .setExpirationTime(issuedAtS + Math.min(lifetimeS, accessTokenLifetimeS))
    .setJti(newId(issuedAtMs))
    .sign(privateKey);
}
