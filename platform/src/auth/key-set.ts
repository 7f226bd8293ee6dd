import { type CryptoKey, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { fault } from '../errors/index.ts';
import type { Clock } from '../time/index.ts';
import type { SigningAlgorithm } from './signing-keys.ts';

export interface KeySetSource {
  /** Fetches the issuer's key set. Has to time out by itself: everybody waits for the same fetch. */
  readonly jwks: () => Promise<JSONWebKeySet>;
  readonly clock: Clock;
  /** After how many seconds the set is fetched again, in the background; 300 unless told otherwise. */
  readonly maxAgeS?: number;
  /** How many seconds lie at least between two fetches that unknown kids ask for; 30 unless told otherwise. */
  readonly coolDownS?: number;
  /** Hears of fetches that failed. The keys that were known stay in use. */
  readonly onFetchFailed?: (error: unknown) => void;
}

export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly key: CryptoKey;
  readonly fingerprint: string;
}

export interface KeySet {
  /** The key called `kid`. Throws the fault `service.unavailable` while no key set could be had at all. */
  find(kid: string): Promise<VerificationKey | undefined>;
  /** Whether the key is still in the set; also starts a refresh when the set has grown old. */
  holds(key: VerificationKey): boolean;
}

/** Until the first set has arrived, failures are retried at this distance in seconds. */
const firstFetchCoolDownS = 1;

/** The issuer's public keys, fetched once at a time, and kept when the issuer is away. */
export function createKeySet({ jwks, clock, maxAgeS = 300, coolDownS = 30, onFetchFailed }: KeySetSource): KeySet {
  let keys: ReadonlyMap<string, VerificationKey> | undefined;
  let fetching: Promise<void> | undefined;
  let triedAtMs = Number.NEGATIVE_INFINITY;

  async function fetchKeys(): Promise<void> {
    triedAtMs = clock.nowMs();
    try {
      keys = await readKeys(await jwks(), keys);
    } catch (error) {
      onFetchFailed?.(error);
    } finally {
      fetching = undefined;
    }
  }

  function fetchOnce(): Promise<void> {
    fetching ??= fetchKeys();
    return fetching;
  }

  // A clock that was set back must not stop the refresh, so the distance counts on both sides.
  const lastTryOlderThanS = (seconds: number) => Math.abs(clock.nowMs() - triedAtMs) >= seconds * 1000;

  function refreshWhenOld(): void {
    if (!fetching && lastTryOlderThanS(maxAgeS)) void fetchOnce();
  }

  return {
    async find(kid) {
      if (!keys) {
        if (fetching || lastTryOlderThanS(firstFetchCoolDownS)) await fetchOnce();
        if (!keys) {
          throw fault('service.unavailable', 'The keys that tokens are signed with cannot be had.', { retryAfterS: 1 });
        }
      }
      refreshWhenOld();
      const known = keys.get(kid);
      if (known) return known;
      // Anyone can send an unknown kid: one fetch answers all who ask at once, and then none follows for a while.
      if (!fetching && !lastTryOlderThanS(coolDownS)) return undefined;
      await fetchOnce();
      return keys.get(kid);
    },
    holds(key) {
      refreshWhenOld();
      return keys?.get(key.kid) === key;
    },
  };
}

/** Reads the keys it understands. An unchanged key stays the same object, so that what was verified with it stays valid. */
async function readKeys(
  document: JSONWebKeySet,
  before: ReadonlyMap<string, VerificationKey> | undefined,
): Promise<ReadonlyMap<string, VerificationKey>> {
  const keys = new Map<string, VerificationKey>();
  for (const jwk of document.keys) {
    const algorithm = algorithmOf(jwk);
    if (!jwk.kid || !algorithm) continue;
    // Only the public members: whatever else stands in the document has no say.
    const { kid, kty, crv, x, y } = jwk;
    const fingerprint = JSON.stringify([kty, crv, x, y]);
    const known = before?.get(kid);
    if (known?.fingerprint === fingerprint) {
      keys.set(kid, known);
      continue;
    }
    const key = await importJWK({ kty, crv, x, ...(y === undefined ? {} : { y }) } as JWK, algorithm);
    if (!(key instanceof Uint8Array)) keys.set(kid, { kid, algorithm, key, fingerprint });
  }
  return keys;
}

/** The one algorithm a key may be used with, decided by the key and never by a token. */
function algorithmOf({ kty, crv, alg, use }: JWK): SigningAlgorithm | undefined {
  if (use !== undefined && use !== 'sig') return undefined;
  const algorithm =
    kty === 'EC' && crv === 'P-256' ? 'ES256' : kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined;
  return alg === undefined || alg === algorithm ? algorithm : undefined;
}
