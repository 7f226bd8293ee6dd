import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../errors/index.ts';
import { signWebhook, verifyWebhook } from './index.ts';

const secret = 'whsec_a_secret';
const body = '{"type":"payment.authorised"}';
const nowS = 1_800_000_000;
const header = signWebhook(secret, body, nowS);

function accepted(...args: Parameters<typeof verifyWebhook>): boolean {
  try {
    verifyWebhook(...args);
    return true;
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'auth.invalid');
    return false;
  }
}

test('the scheme is that of Stripe', () => {
  // echo -n '1800000000.{"type":"payment.authorised"}' | openssl dgst -sha256 -hmac whsec_a_secret
  assert.equal(header, 't=1800000000,v1=01ecb646634cbf3f0eaf04208d6ab37f06e0bb049a58ecbc5eb29f6d2b3b750d');
});

test('a signed webhook is accepted, as text and as bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(4_000_000_000), (text, atS) => {
      const signed = signWebhook(secret, text, atS);
      assert.equal(accepted(secret, signed, text, { nowS: atS }), true);
      assert.equal(accepted(secret, signed, Buffer.from(text), { nowS: atS }), true);
    }),
  );
});

test('another body, another secret and another time are refused', () => {
  assert.equal(accepted(secret, header, `${body} `, { nowS }), false);
  assert.equal(accepted('whsec_another', header, body, { nowS }), false);
  assert.equal(accepted(secret, header.replace('t=1800000000', 't=1800000001'), body, { nowS }), false);
});

test('a signature is good for five minutes on either side, whatever it signs', () => {
  assert.equal(accepted(secret, header, body, { nowS: nowS + 300 }), true);
  assert.equal(accepted(secret, header, body, { nowS: nowS + 301 }), false);
  assert.equal(accepted(secret, header, body, { nowS: nowS - 300 }), true);
  assert.equal(accepted(secret, header, body, { nowS: nowS - 301 }), false);
  assert.equal(accepted(secret, header, body, { nowS: nowS + 11, toleranceS: 10 }), false);
});

test('while a secret is being changed one of two signatures is enough', () => {
  const [, other] = signWebhook('whsec_next', body, nowS).split(',') as [string, string];
  assert.equal(accepted(secret, `${header},${other}`, body, { nowS }), true);
  assert.equal(accepted(secret, `t=${nowS}, ${other}, ${header.split(',')[1]}`, body, { nowS }), true);
});

test('a header that is missing or malformed is refused', () => {
  const [time, signature] = header.split(',') as [string, string];
  const malformed = [
    undefined,
    '',
    't=',
    time,
    signature,
    'v1=,t=',
    `${time},v0=${signature.slice(3)}`,
    `t=NaN,${signature}`,
  ];
  const doubled = [`t=1,${header}`, `${header},t=1`];
  for (const bad of [...malformed, ...doubled, 't=1e9,v1=00', `${signature},${time}x`, ','.repeat(100_000)]) {
    assert.equal(accepted(secret, bad, body, { nowS }), false, bad?.slice(0, 80));
  }
});
