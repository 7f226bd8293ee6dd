import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../errors/index.ts';
import { checkPasswordRules, createHashingGate, hashPassword, needsRehash, verifyPassword } from './index.ts';

test('a password opens its own hash and no other does', async () => {
  const stored = await hashPassword('a long walk on the stoa');
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await verifyPassword(stored, 'a long walk on the stoa'), true);
  assert.equal(await verifyPassword(stored, 'a long walk on the stoA'), false);
  assert.equal(await verifyPassword(stored, ''), false);
});

test('the same password hashes differently each time', async () => {
  assert.notEqual(await hashPassword('a long walk on the stoa'), await hashPassword('a long walk on the stoa'));
});

test('a hash made elsewhere with the same algorithm is understood', async () => {
  // Made with the argon2 crate for Rust: 64 KiB, three passes, one lane.
  const reference = '$argon2id$v=19$m=64,t=3,p=1$c2l4dGVlbiBieXRlIHNhbA$4QYh+1bLQcGIvLqZMlin10jEfCpmQ7iDQ7W95vl3CWY';
  const found = await verifyPassword(reference, 'password');
  assert.equal(found, true);
  assert.equal(needsRehash(reference), true);
});

test('an accent typed on another keyboard is the same accent', async () => {
  const stored = await hashPassword('caf\u00e9 au lait');
  assert.equal(await verifyPassword(stored, 'cafe\u0301 au lait'), true);
});

test('a password longer than any rule allows is compared, not cut', async () => {
  const stored = await hashPassword('x'.repeat(128));
  assert.equal(await verifyPassword(stored, 'x'.repeat(129)), false);
});

test('an unknown user costs as much as a known one, and is never let in', async () => {
  const stored = await hashPassword('a long walk on the stoa');
  const fastestOf = async (hash: string | undefined) => {
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const startMs = performance.now();
      assert.equal(await verifyPassword(hash, 'another password'), false);
      fastestMs = Math.min(fastestMs, performance.now() - startMs);
    }
    return fastestMs;
  };
  const known = await fastestOf(stored);
  const unknown = await fastestOf(undefined);
  assert.ok(unknown > known / 3 && unknown < known * 3, `known ${known} ms, unknown ${unknown} ms`);
});

test('a hash of today needs no rehash, one with weaker parameters does', async () => {
  const stored = await hashPassword('a long walk on the stoa');
  assert.equal(needsRehash(stored), false);
  assert.equal(needsRehash(stored.replace('m=19456', 'm=9728')), true);
  assert.equal(needsRehash(stored.replace('t=2', 't=1')), true);
});

test('something that is no hash is an error of ours and not a wrong password', async () => {
  await assert.rejects(verifyPassword('plain text', 'plain text'), /not an Argon2id PHC string/);
});

test('hashing leaves the event loop free', async () => {
  let turns = 0;
  const hashing = Promise.all([hashPassword('one password'), hashPassword('two passwords')]);
  let done = false;
  hashing.finally(() => {
    done = true;
  });
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }
  assert.ok(turns > 20, `the loop turned ${turns} times`);
});

test('the gate runs a few at once, queues a few in order and refuses the rest with a fault', async () => {
  const gate = createHashingGate({ concurrency: 2, waitingMax: 3, retryAfterS: 7 });
  const finish: (() => void)[] = [];
  const started: number[] = [];
  const enter = (name: number) =>
    gate.run(() => {
      started.push(name);
      return new Promise<number>((resolve) => finish.push(() => resolve(name)));
    });

  const admitted = [1, 2, 3, 4, 5].map(enter);
  assert.deepEqual(started, [1, 2]);
  await assert.rejects(enter(6), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.deepEqual([error.kind, error.code, error.retryAfterS], ['fault', 'service.unavailable', 7]);
    return true;
  });

  for (let at = 0; at < 5; at++) {
    finish[at]?.();
    assert.equal(await admitted[at], at + 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(started.length <= at + 3, 'never more than two at once');
  }
  assert.deepEqual(started, [1, 2, 3, 4, 5]);
});

test('a place that was handed over is not given out again', async () => {
  const gate = createHashingGate({ concurrency: 1, waitingMax: 2, retryAfterS: 1 });
  const finish: (() => void)[] = [];
  const enter = () => gate.run(() => new Promise<void>((resolve) => finish.push(resolve)));
  const [first, second] = [enter(), enter()];
  finish[0]?.();
  await first;
  const third = enter();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(finish.length, 2, 'the third waits for the second');
  finish[1]?.();
  await second;
  await new Promise((resolve) => setImmediate(resolve));
  finish[2]?.();
  await third;
});

test('a job that fails gives its place back', async () => {
  const gate = createHashingGate({ concurrency: 1, waitingMax: 1, retryAfterS: 1 });
  const failing = gate.run(() => Promise.reject(new Error('broken')));
  const next = gate.run(() => Promise.resolve('next'));
  await assert.rejects(failing, /broken/);
  assert.equal(await next, 'next');
  assert.equal(await gate.run(() => Promise.resolve('after')), 'after');
});

test('passwords have 8 to 128 characters, counted in code points', () => {
  const accepted = (password: string) => checkPasswordRules(password).length === 0;
  assert.equal(accepted('x7-kq2w'), false);
  assert.equal(accepted('x7-kq2wp'), true);
  assert.equal(accepted('🏛'.repeat(7)), false);
  assert.equal(accepted('🏛'.repeat(8)), true);
  assert.equal(accepted('🏛'.repeat(128)), true);
  assert.equal(accepted('🏛'.repeat(129)), false);
  assert.equal(accepted('x'.repeat(129)), false);
  assert.equal(accepted(''), false);
  assert.equal(accepted('x'.repeat(5_000_000)), false);
});

test('the length rule holds for every text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 160 }), (text) => {
      const characters = Array.from(text).length;
      const refusedForLength = checkPasswordRules(text).some(({ message }) => message.includes('characters'));
      assert.equal(refusedForLength, characters < 8 || characters > 128);
    }),
  );
});

test('common passwords are refused in any case, and the violation names the field', () => {
  for (const password of [
    'password',
    'Password1',
    'QWERTYUIOP',
    '12345678',
    'iLoveYou',
    'Password123!',
    'ｐａｓｓｗｏｒｄ',
  ]) {
    assert.equal(checkPasswordRules(password).length, 1, password);
  }
  assert.equal(checkPasswordRules('short', '/newPassword')[0]?.path, '/newPassword');
});

test('a password with half a character is refused', () => {
  assert.equal(checkPasswordRules('abcdefgh\ud800').length, 1);
});
