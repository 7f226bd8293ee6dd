import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import type { WatchedShop } from './open-shop.ts';
import type { Person } from './town.ts';

type Part = Readonly<Record<string, unknown>>;

/**
 * Tokens that are almost good: signed, where that is possible, with the shop's own key, which no attacker has, so that each is refused for the
 * one thing that is wrong with it. The first one has nothing wrong with it.
 */
export async function forgeTokens(
  shop: WatchedShop,
  person: Person,
): Promise<{ good: string; broken: Record<string, string> }> {
  const [row] = await shop.query<{ key: string }>('user', 'select key from signing_key order by active_from limit 1');
  const { kid, jwk } = JSON.parse((row as { key: string }).key) as { kid: string; jwk: JsonWebKey };
  const publicKey = createPublicKey({ key: { ...publicPart(jwk) }, format: 'jwk' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

  const [, theirs] = person.accessToken.split('.');
  const payload = JSON.parse(Buffer.from(theirs ?? '', 'base64url').toString()) as Part & { iat: number };
  const admin = { ...payload, role: 'admin' };
  const header = { alg: 'ES256', kid, typ: 'at+jwt' };
  const nowS = Math.floor(Date.now() / 1000);
  const at = (iat: number, exp: number) => ({ ...admin, iat, issuedAtMs: iat * 1000, exp });
  const forged = (head: Part, claims: Part, key: JsonWebKey = jwk) => signed(head, claims, key);
  const hmac = (secret: string) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(admin)}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  };
  return {
    good: forged(header, payload),
    broken: {
      'alg none': `${encode({ ...header, alg: 'none' })}.${encode(admin)}.`,
      'alg none with a signature': forged({ ...header, alg: 'none' }, admin),
      'HS256 with the public key as PEM': hmac(pem),
      'HS256 with the public key as JWK': hmac(JSON.stringify(publicPart(jwk))),
      'another issuer': forged(header, { ...admin, iss: 'stoa.evil' }),
      'another audience': forged(header, { ...admin, aud: 'shop' }),
      'no audience': forged(header, { ...admin, aud: undefined }),
      'another type': forged({ ...header, typ: 'JWT' }, admin),
      'the type of a refresh token': forged({ ...header, typ: 'rt+jwt' }, admin),
      'no type': forged({ alg: 'ES256', kid }, admin),
      expired: forged(header, at(nowS - 1_000, nowS - 1)),
      'no expiry': forged(header, { ...admin, exp: undefined }),
      'from the future': forged(header, at(nowS + 3_600, nowS + 4_500)),
      'an unknown kid': forged({ ...header, kid: 'unknown' }, admin),
      'a kid that is a path': forged({ ...header, kid: '../../dev/null' }, admin),
      'no kid': forged({ alg: 'ES256', typ: 'at+jwt' }, admin),
      'another key under our kid': forged(header, admin, stranger),
      'jwk in the header': forged({ ...header, jwk: publicPart(stranger) }, admin, stranger),
      'jku in the header': forged({ ...header, jku: 'https://evil.example/jwks.json' }, admin, stranger),
      'x5u in the header': forged({ ...header, x5u: 'https://evil.example/cert.pem' }, admin, stranger),
      'a role put in afterwards': person.accessToken.replace(theirs ?? '', encode(admin)),
      'a role nobody has': forged(header, { ...admin, role: 'root' }),
      'no signature': `${encode(header)}.${encode(admin)}.`,
      'a refresh token as an access token': person.refreshToken,
      'a key that nobody made': `stoa_key_${'A'.repeat(43)}`,
      nonsense: 'nonsense',
    },
  };
}

function publicPart({ kty, crv, x, y }: JsonWebKey): JsonWebKey {
  return { kty, crv, x, y } as JsonWebKey;
}

function encode(part: Part): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function signed(head: Part, payload: Part, key: JsonWebKey): string {
  const input = `${encode(head)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), {
    key: createPrivateKey({ key, format: 'jwk' }),
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}
