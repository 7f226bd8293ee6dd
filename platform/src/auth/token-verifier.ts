import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { type AppError, findAppError, refusal } from '../errors/index.ts';
import { isRole, type Principal } from '../schema/index.ts';
import type { AccessToken } from './access-token.ts';
import { createKeySet, type KeySetSource, type VerificationKey } from './key-set.ts';
import { Lru } from './lru.ts';
import { audience, clockSkewS, issuer, tokenType } from './token-form.ts';

export type UserPrincipal = Extract<Principal, { kind: 'user' }>;

export interface TokenVerifierOptions extends KeySetSource {
  /** Whether a token ended before it expired; asked at every use, also of cached ones. See `createRevocations`. */
  readonly isRevoked?: (token: AccessToken) => boolean;
  /** How many verified tokens are kept; 10,000 (about 5 MB) unless told otherwise. */
  readonly cachedMax?: number;
}

export interface TokenVerifier {
  /**
   * The principal of an access token.
   *
   * @throws AppError `auth.invalid` for every token that is not good now, always with the same words (the reason is the cause, for
   *   logs); `service.unavailable` while no key set could be had
   */
  verify(token: string): Promise<UserPrincipal>;
  /**
   * The principal of a token that was verified before and is still good; undefined sends one to `verify`. Takes under a
   * microsecond and no promise, for hot paths. As long as a token is cached its principal is the same object, so it can be the key
   * of a WeakMap of things derived from it.
   */
  verified(token: string): UserPrincipal | undefined;
}

interface Verified {
  readonly principal: UserPrincipal;
  readonly token: AccessToken;
  readonly key: VerificationKey;
}

/**
 * Verifies access tokens against the issuer's key set. The key's own algorithm counts, never the token's word; nothing in a token
 * can name where a key comes from; issuer, audience, type, times, session and role all have to be there and right.
 *
 * @example
 * const verifier = createTokenVerifier({ jwks: fetchKeySet, clock: systemClock, isRevoked: revocations.isRevoked });
 * const principal = verifier.verified(token) ?? (await verifier.verify(token));
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { clock, isRevoked = () => false, cachedMax = 10_000 } = options;
  const keys = createKeySet(options);
  // By the whole token: a key made from parts of it would let one token speak for another.
  const cache = new Lru<string, Verified>(cachedMax);

  function verified(text: string): UserPrincipal | undefined {
    const entry = cache.get(text);
    if (!entry) return undefined;
    if (entry.token.expiresAtMs <= clock.nowMs() || !keys.holds(entry.key) || isRevoked(entry.token)) {
      cache.delete(text);
      return undefined;
    }
    return entry.principal;
  }

  return {
    verified,
    async verify(text) {
      const known = verified(text);
      if (known) return known;
      const key = await keys.find(readKid(text));
      if (!key) throw invalid('unknown kid');
      const token = await verifyWith(key, text, clock.nowMs());
      if (isRevoked(token)) throw invalid('revoked');
      const { userId, role, sessionId } = token;
      const principal: UserPrincipal = Object.freeze({ kind: 'user', userId, role, sessionId });
      cache.set(text, { principal, token, key });
      return principal;
    },
  };
}

const tokenCharactersMax = 4096;
/** jose decodes leniently (white space, padding); one token has to be one text. */
const tokenShape = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const headersOfOurs = new Set(['alg', 'kid', 'typ']);

function readKid(text: string): string {
  if (text.length > tokenCharactersMax || !tokenShape.test(text)) throw invalid('not a JWT');
  try {
    const header = decodeProtectedHeader(text);
    // `jku`, `x5u`, `jwk`, `x5c`, `crit`, `zip` …: our tokens have none, so a token that has one was made elsewhere.
    if (Object.keys(header).some((name) => !headersOfOurs.has(name)))
      throw invalid('a header that our tokens do not have');
    if (typeof header.kid !== 'string') throw invalid('no kid');
    return header.kid;
  } catch (error) {
    throw findAppError(error) ?? invalid('no readable header');
  }
}

async function verifyWith(key: VerificationKey, text: string, nowMs: number): Promise<AccessToken> {
  const { payload } = await jwtVerify(text, key.key, {
    algorithms: [key.algorithm],
    issuer,
    audience,
    typ: tokenType,
    requiredClaims: ['sub', 'iat', 'exp', 'jti'],
    currentDate: new Date(nowMs),
  }).catch((error: unknown) => {
    if (error instanceof errors.JOSEError) throw invalid(error.message);
    throw error;
  });
  return readClaims(payload, nowMs);
}

function readClaims({ sub, role, sid, jti, iat, exp, issuedAtMs }: JWTPayload, nowMs: number): AccessToken {
  if (!isText(sub) || !isText(sid) || !isText(jti) || !isRole(role)) throw invalid('a claim is missing');
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp) || !Number.isSafeInteger(issuedAtMs)) {
    throw invalid('a time is missing');
  }
  const issued = issuedAtMs as number;
  if (Math.floor(issued / 1000) !== iat) throw invalid('two times of issue');
  if (issued > nowMs + clockSkewS * 1000) throw invalid('issued in the future');
  return { userId: sub, role, sessionId: sid, tokenId: jti, issuedAtMs: issued, expiresAtMs: (exp as number) * 1000 };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function invalid(reason: string): AppError {
  return refusal('auth.invalid', 'The token is not valid.', { cause: new Error(reason) });
}
