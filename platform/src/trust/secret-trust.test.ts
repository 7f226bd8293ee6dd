import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { readSettings } from '../config/index.ts';
import { findAppError } from '../errors/index.ts';
import { createLog } from '../telemetry/index.ts';
import { fakeClock } from '../time/index.ts';
import { openTrust, trustSettings } from './index.ts';

const secret = 'a'.repeat(32);
const other = 'b'.repeat(32);
const log = createLog({ service: 'test', level: 'silent' });

function trustOf(text: string | undefined, clock = fakeClock('2026-11-21T12:00:00.000Z')) {
  const settings = readSettings({ STOA_SERVICE_SECRET: text }, trustSettings);
  return openTrust(settings, { hosted: ['order'], log, clock });
}

function requestWith(token: string | undefined): IncomingMessage {
  return { headers: token === undefined ? {} : { 'x-stoa-service': token } } as unknown as IncomingMessage;
}

async function tokenOf(text: string, caller = 'order', at = '2026-11-21T12:00:00.000Z'): Promise<string> {
  return (await trustOf(text, fakeClock(at))).proof(caller)['x-stoa-service'] as string;
}

async function refuses(token: string, text = secret): Promise<void> {
  const trust = await trustOf(text);
  assert.throws(
    () => trust.callerOf(requestWith(token)),
    (error) => {
      const known = findAppError(error);
      assert.deepEqual(
        [known?.code, known?.kind, known?.message],
        ['auth.invalid', 'refusal', 'The proof of the calling service is not valid.'],
      );
      return true;
    },
    token,
  );
}

describe('a shared secret', () => {
  it('proves who calls', async () => {
    const trust = await trustOf(secret);
    assert.equal(trust.protocol, 'http:');
    assert.equal(trust.callerOf(requestWith(await tokenOf(secret))), 'order');
    assert.equal(trust.callerOf(requestWith(await tokenOf(secret, 'user'))), 'user');
  });

  it('says nothing of a request that claims nothing', async () => {
    assert.equal((await trustOf(secret)).callerOf(requestWith(undefined)), undefined);
  });

  it('keeps a token for half its life, and makes a new one when the clock is set back', async () => {
    const clock = fakeClock('2026-11-21T12:00:00.000Z');
    const trust = await trustOf(secret, clock);
    const first = trust.proof('order');
    clock.advance(29_999);
    assert.equal(trust.proof('order'), first);
    clock.advance(1);
    const second = trust.proof('order');
    assert.notDeepEqual(second, first);
    clock.advance(-3_600_000);
    assert.notDeepEqual(trust.proof('order'), second);
    assert.equal(trust.callerOf(requestWith(trust.proof('order')['x-stoa-service'])), 'order');
  });

  it('refuses what was signed with another secret', async () => {
    await refuses(await tokenOf(other));
  });

  it('refuses a name or an end that was changed', async () => {
    const token = await tokenOf(secret);
    await refuses(token.replace('order', 'admin'));
    await refuses(token.replace('order', 'orders'));
    const [name, endsAt, signature] = token.split('.') as [string, string, string];
    await refuses(`${name}.${Number(endsAt) + 1}.${signature}`);
    await refuses(`${name}.0${endsAt}.${signature}`);
  });

  it('believes clocks that lie ten minutes apart, and not more', async () => {
    const trust = await trustOf(secret);
    const fromClock = async (at: string) => trust.callerOf(requestWith(await tokenOf(secret, 'order', at)));
    assert.equal(await fromClock('2026-11-21T11:50:00.000Z'), 'order');
    assert.equal(await fromClock('2026-11-21T12:10:00.000Z'), 'order');
    await refuses(await tokenOf(secret, 'order', '2026-11-21T11:48:59.000Z'));
    await refuses(await tokenOf(secret, 'order', '2026-11-21T12:10:01.000Z'));
  });

  it('refuses whatever does not look like a token', async () => {
    const token = await tokenOf(secret);
    const [name, endsAt, signature] = token.split('.') as [string, string, string];
    const variants = [
      '',
      '.',
      '..',
      'order',
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      token.toUpperCase(),
      `${token}, ${token}`,
      `${name}.${endsAt}.`,
      `${name}.${endsAt}.${'é'.repeat(43)}`,
      `${name}.${endsAt}.${'\u0000'.repeat(43)}`,
      `ördér.${endsAt}.${signature}`,
      `${name}.-1.${signature}`,
      `${name}.1e9.${signature}`,
      `${name}.NaN.${signature}`,
      `${'o'.repeat(100_000)}.${endsAt}.${signature}`,
      '\uD800'.repeat(50),
    ];
    for (const variant of variants) await refuses(variant);
  });

  it('is changed by naming two: the first signs, both are believed', async () => {
    const trust = await trustOf(`${other}, ${secret}`);
    assert.equal(trust.callerOf(requestWith(await tokenOf(secret))), 'order');
    assert.equal(trust.callerOf(requestWith(await tokenOf(other))), 'order');
    const own = trust.proof('order')['x-stoa-service'] as string;
    assert.equal((await trustOf(other)).callerOf(requestWith(own)), 'order');
    await refuses(own, secret);
  });

  it('has 32 characters or more, and is never told', async () => {
    for (const text of ['short', `${secret},short`, `${secret},`, `${secret},${other},${secret}`]) {
      await assert.rejects(
        async () => trustOf(text),
        (error) => {
          const { code, message } = findAppError(error) ?? {};
          assert.equal(code, 'config.invalid');
          assert.match(message ?? '', /^STOA_SERVICE_SECRET: must be a secret of 32 characters/);
          assert.doesNotMatch(message ?? '', /short|aaa|bbb/);
          return true;
        },
      );
    }
  });

  it('or a folder with certificates has to be given', async () => {
    await assert.rejects(trustOf(undefined), (error) => {
      assert.equal(findAppError(error)?.code, 'config.invalid');
      assert.match(String(error), /STOA_TLS_DIR.*STOA_SERVICE_SECRET/);
      return true;
    });
  });
});
