import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGatewaySettings } from './config.ts';

test('nothing set gives the defaults of the public API', () => {
  const settings = readGatewaySettings({});
  assert.equal(settings.port, 3000);
  assert.deepEqual(settings.limits, { caller: 1000, anonymous: 300, auth: 20, key: 10_000 });
  assert.deepEqual(settings.corsOrigins, []);
});

test('quotas can be turned off', () => {
  assert.equal(readGatewaySettings({ STOA_RATE_LIMITS: 'off' }).limits, undefined);
});

test('everything that is wrong is named at once', () => {
  const wrong = {
    PORT: '70000',
    STOA_RATE_LIMITS: 'no',
    STOA_RATE_LIMIT_AUTH: '1.5',
    STOA_TRUSTED_PROXIES: 'proxy',
    STOA_CORS_ORIGINS: 'shop.example/path',
    STOA_ACCESS_LOG_SAMPLE: '2',
  };
  assert.throws(
    () => readGatewaySettings(wrong),
    (error: Error) => Object.keys(wrong).every((name) => error.message.includes(name)),
  );
});
