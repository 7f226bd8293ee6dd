import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './config.ts';

test('without settings the webhook secret is made up, anew each time', () => {
  const { webhookSecret, ...rest } = readConfig({});
  assert.deepEqual(rest, { lookUpAfterMs: 60_000, sandboxWebhookDelayMs: 300 });
  assert.match(webhookSecret, /^[0-9a-f]{64}$/);
  assert.notEqual(readConfig({}).webhookSecret, webhookSecret);
});

test('a secret that is too short is refused without being shown', () => {
  assert.throws(
    () => readConfig({ STOA_PAYMENT_WEBHOOK_SECRET: 'hunter2' }),
    (error: Error) => {
      assert.match(error.message, /STOA_PAYMENT_WEBHOOK_SECRET/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
});
