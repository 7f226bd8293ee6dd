import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../time/index.ts';
import { createRevocations, generateSigningKey, SigningKeys } from './index.ts';

const start = '2026-03-01T10:00:00.000Z';
const kidOf = (stored: string): string => JSON.parse(stored).kid;
const kidsOf = (keys: SigningKeys, nowMs: number) => keys.jwks(nowMs).keys.map((key) => key.kid);

test('the public document shows nothing private', async () => {
  const clock = fakeClock(start);
  for (const algorithm of ['ES256', 'EdDSA'] as const) {
    const keys = await SigningKeys.open([await generateSigningKey({ clock, algorithm, activeInS: 0 })]);
    const [key] = keys.jwks(clock.nowMs()).keys;
    const members =
      algorithm === 'ES256' ? ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'] : ['alg', 'crv', 'kid', 'kty', 'use', 'x'];
    assert.deepEqual(Object.keys(key ?? {}).sort(), members);
    assert.deepEqual([key?.alg, key?.use], [algorithm, 'sig']);
  }
});

test('a rotation publishes the next key before it signs and the old one until its tokens have expired', async () => {
  const clock = fakeClock(start);
  const first = await generateSigningKey({ clock, activeInS: 0 });
  const second = await generateSigningKey({ clock, activeInS: 600 });
  const keys = await SigningKeys.open([second, first]);
  const [a, b] = [kidOf(first), kidOf(second)];
  const state = () => ({
    signs: keys.signer(clock.nowMs()).kid,
    published: kidsOf(keys, clock.nowMs()),
    expired: keys.expired(clock.nowMs()),
  });

  assert.deepEqual(state(), { signs: a, published: [a, b], expired: [] });
  clock.advance(599_999);
  assert.deepEqual(state(), { signs: a, published: [a, b], expired: [] });
  clock.advance(1);
  assert.deepEqual(state(), { signs: b, published: [a, b], expired: [] });
  // Fifteen minutes of a token's life and five and a half of clocks that differ.
  clock.advance(1_230_000);
  assert.deepEqual(state(), { signs: b, published: [a, b], expired: [] });
  clock.advance(1);
  assert.deepEqual(state(), { signs: b, published: [b], expired: [a] });
  clock.advance(365 * 86_400_000);
  assert.deepEqual(state(), { signs: b, published: [b], expired: [a] });
});

test('replicas that read the same rows in any order sign with the same key', async () => {
  const clock = fakeClock(start);
  const stored = await Promise.all([1, 2, 3].map(() => generateSigningKey({ clock, activeInS: 0 })));
  const one = await SigningKeys.open(stored);
  const other = await SigningKeys.open(stored.toReversed());
  assert.equal(one.signer(clock.nowMs()).kid, other.signer(clock.nowMs()).kid);
});

test('a replica whose clock runs behind signs with the first key', async () => {
  const stored = await generateSigningKey({ clock: fakeClock(start), activeInS: 0 });
  const keys = await SigningKeys.open([stored]);
  assert.equal(keys.signer(Date.parse(start) - 60_000).kid, kidOf(stored));
});

test('an issuer without keys is refused', async () => {
  await assert.rejects(SigningKeys.open([]), /at least one signing key/);
});

test('revocations are forgotten once no token can meet them, and the latest time counts', () => {
  const clock = fakeClock(start);
  const revocations = createRevocations({ clock });
  const tokenOf = (issuedAtMs: number) =>
    ({
      userId: 'u-1',
      sessionId: 's-1',
      role: 'customer',
      tokenId: 'j',
      issuedAtMs,
      expiresAtMs: issuedAtMs + 900_000,
    }) as const;
  const nowMs = clock.nowMs();

  revocations.revokeUser('u-1', nowMs);
  revocations.revokeUser('u-1', nowMs - 5000);
  assert.equal(revocations.isRevoked(tokenOf(nowMs - 1)), true);
  assert.equal(revocations.isRevoked(tokenOf(nowMs)), false);

  for (let at = 0; at < 10; at++) revocations.revokeSession(`s-${at}`);
  assert.equal(revocations.isRevoked(tokenOf(nowMs)), true);
  assert.equal(revocations.size, 11);
  clock.advance(1_230_000);
  revocations.revokeUser('u-2', clock.nowMs());
  revocations.revokeSession('s-20');
  assert.equal(revocations.size, 2);
});
