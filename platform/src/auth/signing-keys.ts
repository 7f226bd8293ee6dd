import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
} from 'jose';
import { assert } from '../errors/index.ts';
import type { Clock } from '../time/index.ts';
import { accessTokenLifetimeS, clockSkewS } from './token-form.ts';

/** ECDSA on P-256, or Ed25519. */
export type SigningAlgorithm = 'ES256' | 'EdDSA';

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly activeFromMs: number;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/**
 * Makes a signing key as the text to store: JSON with `kid` (its RFC 7638 thumbprint), `algorithm`, `activeFromMs` and the private JWK.
 *
 * @param options `activeInS`: seconds until it starts to sign. 0 for the very first key; a successor needs more than the time for
 *   which verifiers keep a key set (300 s), so that all of them know it before they meet it
 */
export async function generateSigningKey(options: {
  readonly clock: Clock;
  readonly algorithm?: SigningAlgorithm;
  readonly activeInS?: number;
}): Promise<string> {
  const { clock, algorithm = 'ES256', activeInS = 600 } = options;
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return JSON.stringify({ kid, algorithm, activeFromMs: clock.nowMs() + activeInS * 1000, jwk });
}

/**
 * The signing keys of an issuer, as stored: the one that signs, those before it (published until their last token has expired), and
 * the next one (published before it signs). To rotate, store one more key and open all of them again.
 */
export class SigningKeys {
  readonly #keys: readonly SigningKey[];

  private constructor(keys: readonly SigningKey[]) {
    this.#keys = keys;
  }

  /** Reads keys from the texts that `generateSigningKey` gave, in any order; at least one. */
  static async open(stored: readonly string[]): Promise<SigningKeys> {
    assert(stored.length > 0, 'an issuer has at least one signing key');
    const keys = await Promise.all(stored.map(readKey));
    // By time, then by kid: every replica that reads the same rows signs with the same key.
    return new SigningKeys(keys.sort((a, b) => a.activeFromMs - b.activeFromMs || (a.kid < b.kid ? -1 : 1)));
  }

  /** The key that signs at `nowMs`: the newest whose time has come; the first one if none has (a clock that runs behind). */
  signer(nowMs: number): SigningKey {
    return (this.#keys.findLast((key) => key.activeFromMs <= nowMs) ?? this.#keys[0]) as SigningKey;
  }

  /** The public document for `/.well-known/jwks.json` at `nowMs`. */
  jwks(nowMs: number): JSONWebKeySet {
    const expired = new Set(this.expired(nowMs));
    return { keys: this.#keys.filter((key) => !expired.has(key.kid)).map((key) => key.publicJwk) };
  }

  /** The kids that may be deleted: their successor has signed for longer than any token lives. */
  expired(nowMs: number): readonly string[] {
    const tokensOutliveMs = (accessTokenLifetimeS + clockSkewS) * 1000;
    const successorOf = (index: number) => this.#keys[index + 1]?.activeFromMs ?? Number.POSITIVE_INFINITY;
    return this.#keys.filter((_, index) => successorOf(index) + tokensOutliveMs < nowMs).map((key) => key.kid);
  }
}

async function readKey(text: string): Promise<SigningKey> {
  const { kid, algorithm, activeFromMs, jwk } = JSON.parse(text) as {
    kid: string;
    algorithm: SigningAlgorithm;
    activeFromMs: number;
    jwk: JWK;
  };
  const privateKey = await importJWK(jwk, algorithm, { extractable: false });
  assert(!(privateKey instanceof Uint8Array), 'a signing key is asymmetric');
  const { d: _private, ...publicPart } = jwk;
  return { kid, algorithm, activeFromMs, privateKey, publicJwk: { ...publicPart, kid, alg: algorithm, use: 'sig' } };
}
