import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  apiKeyPrefix,
  equalSecrets,
  hashSecret,
  isApiKey,
  newSecret,
  signReference,
  verifyReference,
} from './index.ts';

test('an API key is told by its prefix, carries 256 bits and is found by its hash', () => {
  const { secret, hash } = newSecret(apiKeyPrefix);
  assert.match(secret, /^stoa_key_[\w-]{43}$/);
  assert.equal(hashSecret(secret), hash);
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(isApiKey(secret), true);
  assert.equal(isApiKey('eyJhbGciOiJFUzI1NiJ9.e30.x'), false);
});

test('a thousand secrets are all different', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => newSecret('stoa_key').secret)).size, 1000);
});

test('secrets are equal when their texts are', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      assert.equal(equalSecrets(a, b), a === b);
      assert.equal(equalSecrets(a, a), true);
    }),
  );
});

const key = Buffer.alloc(32, 7);

test('a reference is the same each time and fits its own key, purpose and id only', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (purposeA, idA, purposeB, idB) => {
      const [purpose, otherPurpose] = [purposeA, purposeB].map((text) => text.replaceAll('\0', '')) as [string, string];
      const token = signReference(key, purpose, idA);
      assert.equal(token, signReference(key, purpose, idA));
      assert.equal(verifyReference(key, purpose, idA, token), true);
      assert.equal(verifyReference(key, otherPurpose, idB, token), purpose === otherPurpose && idA === idB);
      assert.equal(verifyReference(Buffer.alloc(32, 8), purpose, idA, token), false);
    }),
  );
});

test('moving a character from the purpose to the id gives another reference', () => {
  assert.notEqual(signReference(key, 'order', '1'), signReference(key, 'orde', 'r1'));
});

test('a reference that was changed anywhere, cut or padded is refused', () => {
  const token = signReference(key, 'order', '0199');
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === 'A' ? 'B' : 'A';
    assert.equal(verifyReference(key, 'order', '0199', token.slice(0, at) + other + token.slice(at + 1)), false);
  }
  for (const forged of ['', token.slice(1), `${token}=`, ` ${token}`, token.toUpperCase()]) {
    assert.equal(verifyReference(key, 'order', '0199', forged), false, forged);
  }
});

test('a reference key shorter than 32 bytes is refused', () => {
  assert.throws(() => signReference(randomBytes(31), 'order', '1'), /at least 32 bytes/);
});
