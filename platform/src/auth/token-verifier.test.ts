import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import { before, test } from 'node:test';
import fc from 'fast-check';
import type { JSONWebKeySet } from 'jose';
import { AppError } from '../errors/index.ts';
import { fakeClock } from '../time/index.ts';
import {
  createRevocations,
  createTokenVerifier,
  generateSigningKey,
  newSecret,
  SigningKeys,
  signAccessToken,
} from './index.ts';

const start = '2026-03-01T10:00:00.000Z';
const startS = Date.parse(start) / 1000;
const claims = { userId: 'u-1', role: 'customer', sessionId: 's-1' } as const;
const principal = { kind: 'user', ...claims };
const goodPayload = {
  iss: 'stoa',
  aud: 'stoa',
  sub: 'u-1',
  sid: 's-1',
  role: 'customer',
  jti: 'j-1',
  iat: startS,
  issuedAtMs: startS * 1000,
  exp: startS + 900,
};

let storedKey: string;
let keys: SigningKeys;
let header: { alg: string; kid: string; typ: string };

before(async () => {
  storedKey = await generateSigningKey({ clock: fakeClock(start), activeInS: 0 });
  keys = await SigningKeys.open([storedKey]);
  header = { alg: 'ES256', kid: JSON.parse(storedKey).kid, typ: 'at+jwt' };
});

/** A shop's verifier with a clock and a key set that tests can change, and a count of fetches. */
function setUp(options: { coolDownS?: number; maxAgeS?: number; cachedMax?: number } = {}) {
  const clock = fakeClock(start);
  const revocations = createRevocations({ clock });
  const issuer = { keySet: keys.jwks(clock.nowMs()) as JSONWebKeySet | Error, fetches: 0 };
  const verifier = createTokenVerifier({
    jwks: async () => {
      issuer.fetches += 1;
      if (issuer.keySet instanceof Error) throw issuer.keySet;
      return issuer.keySet;
    },
    clock,
    isRevoked: revocations.isRevoked,
    ...options,
  });
  return { clock, revocations, issuer, verifier };
}

type Shop = ReturnType<typeof setUp>;

/** Signs any header and payload with the real key, as no honest issuer would. */
function forge(head: object, payload: object, key = JSON.parse(storedKey).jwk as JsonWebKey): string {
  const input = [head, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signed = sign('sha256', Buffer.from(input), {
    key: createPrivateKey({ key, format: 'jwk' }),
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signed.toString('base64url')}`;
}

async function assertRefused({ verifier }: Shop, token: string, what?: string): Promise<void> {
  await assert.rejects(
    verifier.verify(token),
    (error: unknown) => {
      assert.ok(error instanceof AppError, `${what}: ${error}`);
      assert.deepEqual([error.kind, error.code, error.message], ['refusal', 'auth.invalid', 'The token is not valid.']);
      return true;
    },
    what,
  );
  assert.equal(verifier.verified(token), undefined, what);
}

test('a token is verified into the principal it was signed for', async () => {
  for (const algorithm of ['ES256', 'EdDSA'] as const) {
    const shop = setUp();
    const own = await SigningKeys.open([await generateSigningKey({ clock: shop.clock, algorithm, activeInS: 0 })]);
    shop.issuer.keySet = own.jwks(shop.clock.nowMs());
    const token = await signAccessToken(own, claims, { clock: shop.clock });
    assert.deepEqual(await shop.verifier.verify(token), principal);
  }
});

test('the forged tokens of these tests are accepted when nothing is wrong with them', async () => {
  assert.deepEqual(await setUp().verifier.verify(forge(header, goodPayload)), principal);
});

test('every broken token is refused with the same words', async () => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const publicJwk = keys.jwks(startS * 1000).keys[0] as JsonWebKey;
  const publicPem = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  const hmac = (secret: string | Buffer, head = { ...header, alg: 'HS256' }) => {
    const input = `${encode(head)}.${encode(goodPayload)}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  };
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const good = forge(header, goodPayload);
  const [head, payload, signature] = good.split('.') as [string, string, string];

  const broken: Record<string, string> = {
    'alg none': `${encode({ ...header, alg: 'none' })}.${encode(goodPayload)}.`,
    'alg none with a signature': forge({ ...header, alg: 'none' }, goodPayload),
    'alg NONE in another case': `${encode({ ...header, alg: 'nOnE' })}.${payload}.${signature}`,
    'HS256 signed with the public key as PEM': hmac(publicPem as string),
    'HS256 signed with the public key as JWK': hmac(JSON.stringify(publicJwk)),
    'HS256 signed with the coordinates': hmac(Buffer.from(publicJwk.x as string, 'base64url')),
    'HS256 bytes under ES256': hmac(publicPem as string, header),
    'the algorithm of another kind of key': forge({ ...header, alg: 'EdDSA' }, goodPayload),
    'an algorithm nobody knows': forge({ ...header, alg: 'ES512' }, goodPayload),
    'no alg': forge({ kid: header.kid, typ: header.typ }, goodPayload),
    'no kid': forge({ alg: header.alg, typ: header.typ }, goodPayload),
    'an unknown kid': forge({ ...header, kid: 'unknown' }, goodPayload),
    'a kid that is a path': forge({ ...header, kid: '../../dev/null' }, goodPayload),
    'a kid from the prototype': forge({ ...header, kid: '__proto__' }, goodPayload),
    'a kid that is a number': forge({ ...header, kid: 1 }, goodPayload),
    'another key under our kid': forge(header, goodPayload, stranger),
    'jwk in the header': forge({ ...header, jwk: createPublicOf(stranger) }, goodPayload, stranger),
    'jwk in the header beside a good signature': forge({ ...header, jwk: publicJwk }, goodPayload),
    'jku in the header': forge({ ...header, jku: 'https://evil.example/jwks.json' }, goodPayload),
    'x5u in the header': forge({ ...header, x5u: 'https://evil.example/cert.pem' }, goodPayload),
    'x5c in the header': forge({ ...header, x5c: ['MIIB'] }, goodPayload),
    'crit in the header': forge({ ...header, crit: ['b64'], b64: true }, goodPayload),
    'another issuer': forge(header, { ...goodPayload, iss: 'stoa.evil' }),
    'an issuer that is a list': forge(header, { ...goodPayload, iss: ['stoa'] }),
    'another audience': forge(header, { ...goodPayload, aud: 'shop' }),
    'another type': forge({ ...header, typ: 'JWT' }, goodPayload),
    'the type of a refresh token': forge({ ...header, typ: 'rt+jwt' }, goodPayload),
    'no type': forge({ alg: header.alg, kid: header.kid }, goodPayload),
    expired: forge(header, { ...goodPayload, exp: startS - 1 }),
    'expiring this second': forge(header, { ...goodPayload, exp: startS }),
    'not before a later time': forge(header, { ...goodPayload, nbf: startS + 60 }),
    'issued in an hour': forge(header, {
      ...goodPayload,
      iat: startS + 3600,
      issuedAtMs: (startS + 3600) * 1000,
      exp: startS + 4500,
    }),
    'issued at two times': forge(header, { ...goodPayload, issuedAtMs: (startS + 5) * 1000 }),
    'exp as text': forge(header, { ...goodPayload, exp: String(startS + 900) }),
    'exp beyond numbers': forge(header, { ...goodPayload, exp: 1e300 }),
    'a role nobody has': forge(header, { ...goodPayload, role: 'root' }),
    'a list of roles': forge(header, { ...goodPayload, role: ['admin'] }),
    'an empty subject': forge(header, { ...goodPayload, sub: '' }),
    'a payload that is a list': forge(header, [goodPayload]),
    'a changed payload': `${head}.${encode({ ...goodPayload, role: 'admin' })}.${signature}`,
    'a changed header': `${encode({ ...header, extra: 1 })}.${payload}.${signature}`,
    'no signature': `${head}.${payload}.`,
    'a cut signature': `${head}.${payload}.${signature.slice(0, -4)}`,
    'a signature of zeros': `${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
    'two parts': `${head}.${payload}`,
    'five parts': `${good}.${payload}.${signature}`,
    'a space before': ` ${good}`,
    'a line break after': `${good}\n`,
    'white space in the signature': `${head}.${payload}.${signature.slice(0, 8)} ${signature.slice(8)}`,
    padding: `${good}==`,
    'more than four kilobytes': forge(header, { ...goodPayload, pad: 'x'.repeat(4096) }),
    empty: '',
    'a refresh token': newSecret('stoa_refresh').secret,
    'an API key': newSecret('stoa_key').secret,
    'a header that is no JSON': `${Buffer.from('nonsense').toString('base64url')}.${payload}.${signature}`,
    'a header that is null': `${Buffer.from('null').toString('base64url')}.${payload}.${signature}`,
  };
  for (const claim of ['iss', 'aud', 'sub', 'sid', 'role', 'jti', 'iat', 'issuedAtMs', 'exp'] as const) {
    const { [claim]: _left, ...rest } = goodPayload;
    broken[`no ${claim}`] = forge(header, rest);
  }

  const shop = setUp();
  await shop.verifier.verify(good);
  for (const [what, token] of Object.entries(broken)) await assertRefused(shop, token, what);
});

function createPublicOf({ kty, crv, x, y }: JsonWebKey): JsonWebKey {
  return { kty, crv, x, y } as JsonWebKey;
}

test('no change of a single character leaves a token valid for someone else', async () => {
  const shop = setUp();
  const good = forge(header, goodPayload);
  await shop.verifier.verify(good);
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.string({ minLength: 0, maxLength: 2 }), async (at, put) => {
      const changed = good.slice(0, at) + put + good.slice(at + 1);
      fc.pre(changed !== good);
      const outcome = await shop.verifier.verify(changed).catch((error: unknown) => {
        assert.ok(error instanceof AppError && error.code === 'auth.invalid', String(error));
      });
      // The last character of a signature carries spare bits: another text, the same signature, the same person.
      assert.deepEqual(outcome ?? principal, principal);
      if (at < good.length - 1) assert.equal(outcome, undefined);
    }),
  );
});

test('tokens up to four kilobytes are accepted', async () => {
  const token = forge(header, { ...goodPayload, pad: 'x'.repeat(2760) });
  assert.ok(token.length > 4000 && token.length <= 4096, `${token.length}`);
  assert.deepEqual(await setUp().verifier.verify(token), principal);
});

test('a token is good until the second in which it expires, cached or not', async () => {
  const shop = setUp();
  const token = await signAccessToken(keys, claims, { clock: shop.clock, lifetimeS: 60 });
  const unseen = await signAccessToken(keys, claims, { clock: shop.clock, lifetimeS: 60 });
  await shop.verifier.verify(token);
  shop.clock.advance(59_999);
  assert.deepEqual(shop.verifier.verified(token), principal);
  shop.clock.advance(1);
  await assertRefused(shop, token);
  await assertRefused(shop, unseen);
});

test('an issuer whose clock runs five minutes ahead is understood, one an hour ahead is not', async () => {
  const shop = setUp();
  const ahead = fakeClock(start);
  ahead.advance(300_000);
  assert.deepEqual(await shop.verifier.verify(await signAccessToken(keys, claims, { clock: ahead })), principal);
  ahead.advance(3_300_000);
  await assertRefused(shop, await signAccessToken(keys, claims, { clock: ahead }));
});

test('a lifetime beyond that of the published keys is cut', async () => {
  const shop = setUp();
  const token = await signAccessToken(keys, claims, { clock: shop.clock, lifetimeS: 86_400 });
  await shop.verifier.verify(token);
  shop.clock.advance(900_000);
  await assertRefused(shop, token);
});

test('a verified token answers at once and with the same object', async () => {
  const shop = setUp();
  const token = await signAccessToken(keys, claims, { clock: shop.clock });
  assert.equal(shop.verifier.verified(token), undefined);
  const first = await shop.verifier.verify(token);
  assert.equal(shop.verifier.verified(token), first);
  assert.equal(await shop.verifier.verify(token), first);
  assert.ok(Object.isFrozen(first));
});

test('a token that shares all but its signature with a cached one is refused', async () => {
  const shop = setUp();
  const token = await signAccessToken(keys, claims, { clock: shop.clock });
  await shop.verifier.verify(token);
  const forged = `${token.slice(0, token.lastIndexOf('.') + 1)}${Buffer.alloc(64, 1).toString('base64url')}`;
  await assertRefused(shop, forged);
});

test('the cache holds so many tokens and drops the one that was not used for the longest', async () => {
  const shop = setUp({ cachedMax: 2 });
  const [a, b, c] = (await Promise.all([1, 2, 3].map(() => signAccessToken(keys, claims, { clock: shop.clock })))) as [
    string,
    string,
    string,
  ];
  await shop.verifier.verify(a);
  await shop.verifier.verify(b);
  shop.verifier.verified(a);
  await shop.verifier.verify(c);
  assert.deepEqual(
    [a, b, c].map((token) => shop.verifier.verified(token) !== undefined),
    [true, false, true],
  );
  assert.deepEqual(await shop.verifier.verify(b), principal);
});

test('tokens from before a change of password are refused at once, cached or not, and later ones are good', async () => {
  const shop = setUp();
  const cached = await signAccessToken(keys, claims, { clock: shop.clock });
  const unseen = await signAccessToken(keys, claims, { clock: shop.clock });
  await shop.verifier.verify(cached);
  shop.clock.advance(1);
  shop.revocations.revokeUser('u-1', shop.clock.nowMs());
  await assertRefused(shop, cached);
  await assertRefused(shop, unseen);
  assert.deepEqual(await shop.verifier.verify(await signAccessToken(keys, claims, { clock: shop.clock })), principal);
  const neighbour = await signAccessToken(keys, { ...claims, userId: 'u-2' }, { clock: shop.clock });
  assert.equal((await shop.verifier.verify(neighbour)).userId, 'u-2');
});

test('an ended session ends its tokens and no others', async () => {
  const shop = setUp();
  const ended = await signAccessToken(keys, claims, { clock: shop.clock });
  const other = await signAccessToken(keys, { ...claims, sessionId: 's-2' }, { clock: shop.clock });
  await shop.verifier.verify(ended);
  shop.revocations.revokeSession('s-1');
  await assertRefused(shop, ended);
  assert.equal((await shop.verifier.verify(other)).sessionId, 's-2');
});

test('keys are fetched once however many ask at once', async () => {
  const shop = setUp();
  const tokens = await Promise.all(
    Array.from({ length: 50 }, () => signAccessToken(keys, claims, { clock: shop.clock })),
  );
  await Promise.all(tokens.map((token) => shop.verifier.verify(token)));
  assert.equal(shop.issuer.fetches, 1);
});

test('unknown kids cause one fetch per cool-down, however many come', async () => {
  const shop = setUp({ coolDownS: 30 });
  await shop.verifier.verify(forge(header, goodPayload));
  shop.clock.advance(30_000);
  const strange = Array.from({ length: 50 }, (_, at) => forge({ ...header, kid: `unknown-${at}` }, goodPayload));
  await Promise.all(strange.map((token) => assertRefused(shop, token)));
  for (const token of strange) await assertRefused(shop, token);
  assert.equal(shop.issuer.fetches, 2);
  shop.clock.advance(30_000);
  await assertRefused(shop, strange[0] as string);
  assert.equal(shop.issuer.fetches, 3);
});

test('a key that appears is met after the cool-down', async () => {
  const shop = setUp();
  await shop.verifier.verify(forge(header, goodPayload));
  const next = await generateSigningKey({ clock: shop.clock, activeInS: 0 });
  const rotated = await SigningKeys.open([storedKey, next]);
  shop.clock.advance(31_000);
  shop.issuer.keySet = rotated.jwks(shop.clock.nowMs());
  assert.deepEqual(
    await shop.verifier.verify(await signAccessToken(rotated, claims, { clock: shop.clock })),
    principal,
  );
});

test('a key that is taken out of the set takes its cached tokens with it', async () => {
  const shop = setUp({ maxAgeS: 300 });
  const token = await signAccessToken(keys, claims, { clock: shop.clock });
  await shop.verifier.verify(token);
  const successor = await SigningKeys.open([await generateSigningKey({ clock: shop.clock, activeInS: 0 })]);
  shop.issuer.keySet = successor.jwks(shop.clock.nowMs());
  shop.clock.advance(300_000);
  // The old set still serves this one while the new set is on its way.
  shop.verifier.verified(token);
  await turnsUntil(() => shop.verifier.verified(token) === undefined);
  await assertRefused(shop, token);
});

test('another key under the same kid ends what the first one signed', async () => {
  const shop = setUp({ maxAgeS: 300 });
  const token = await signAccessToken(keys, claims, { clock: shop.clock });
  await shop.verifier.verify(token);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  shop.issuer.keySet = { keys: [{ ...publicKey.export({ format: 'jwk' }), kty: 'EC', kid: header.kid }] };
  shop.clock.advance(300_000);
  shop.verifier.verified(token);
  await turnsUntil(() => shop.verifier.verified(token) === undefined);
  await assertRefused(shop, token);
});

test('known keys stay in use while the issuer is away', async () => {
  const shop = setUp();
  await shop.verifier.verify(forge(header, goodPayload));
  shop.issuer.keySet = new Error('connection refused');
  shop.clock.advance(400_000);
  const token = await signAccessToken(keys, claims, { clock: shop.clock });
  assert.deepEqual(await shop.verifier.verify(token), principal);
  await turnsUntil(() => shop.issuer.fetches === 2);
  assert.deepEqual(await shop.verifier.verify(await signAccessToken(keys, claims, { clock: shop.clock })), principal);
});

test('without any keys a token is neither good nor bad: a fault, until the issuer is back', async () => {
  const shop = setUp();
  const token = await signAccessToken(keys, claims, { clock: shop.clock });
  shop.issuer.keySet = new Error('connection refused');
  const unavailable = (error: unknown) =>
    error instanceof AppError &&
    error.kind === 'fault' &&
    error.code === 'service.unavailable' &&
    error.retryAfterS === 1;
  await assert.rejects(shop.verifier.verify(token), unavailable);
  await assert.rejects(shop.verifier.verify(token), unavailable);
  assert.equal(shop.issuer.fetches, 1);
  shop.issuer.keySet = keys.jwks(shop.clock.nowMs());
  shop.clock.advance(1000);
  assert.deepEqual(await shop.verifier.verify(token), principal);
});

test('keys of a kind we do not use, and those meant for encryption, are passed over', async () => {
  const shop = setUp();
  const own = keys.jwks(shop.clock.nowMs()).keys[0] as JSONWebKeySet['keys'][number];
  const rsa = {
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
    kty: 'RSA',
    kid: 'rsa',
  };
  const secret = { kty: 'oct', k: Buffer.from('secret').toString('base64url'), kid: 'oct', alg: 'HS256' };
  shop.issuer.keySet = {
    keys: [rsa, secret, { ...own, kid: 'enc', use: 'enc' }, { ...own, kid: 'other', alg: 'ES384' }, own],
  };
  assert.deepEqual(await shop.verifier.verify(forge(header, goodPayload)), principal);
  for (const kid of ['rsa', 'oct', 'enc', 'other'])
    await assertRefused(shop, forge({ ...header, kid }, goodPayload), kid);
});

/** Lets pending promises run until something holds; bounded by turns of the loop, not by time. */
async function turnsUntil(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail('it did not come to hold');
}
