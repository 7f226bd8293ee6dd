import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { findAppError } from '../errors/index.ts';
import { describeSettings, readSettings, setting } from './index.ts';

const settings = {
  PORT: setting.port({ default: 3000, describe: "the gateway's port" }),
  POOL: setting.integer({ default: 8, min: 1, max: 100, unit: 'connections', describe: 'size of a pool' }),
  DEMO: setting.boolean({ default: false, describe: 'seeds a demo shop' }),
  DATABASE_URL: setting.optional(
    setting.url({ protocols: ['postgres', 'postgresql'], secret: true, describe: 'use this PostgreSQL' }),
  ),
  KEY: setting.text({ lengthMin: 8, secret: true, describe: 'a key' }),
  LEVEL: setting.choice(['debug', 'info'], { default: 'info', describe: 'how much is logged' }),
  KEEP: setting.durationMs({ default: 1_000, min: 100, max: 86_400_000, describe: 'how long' }),
  PEERS: setting.list({ default: [], describe: 'who' }),
};

test('reads every kind of setting', () => {
  const values = readSettings(
    {
      PORT: '8080',
      POOL: ' 20 ',
      DEMO: 'on',
      DATABASE_URL: 'postgres://u:p@h/db',
      KEY: '12345678',
      LEVEL: 'debug',
      KEEP: '2m',
      PEERS: 'a, b',
    },
    settings,
  );
  deepEqual(values, {
    PORT: 8080,
    POOL: 20,
    DEMO: true,
    DATABASE_URL: 'postgres://u:p@h/db',
    KEY: '12345678',
    LEVEL: 'debug',
    KEEP: 120_000,
    PEERS: ['a', 'b'],
  });
});

test('a missing or empty variable takes its default', () => {
  const values = readSettings({ KEY: '12345678', PORT: '' }, settings);
  deepEqual([values.PORT, values.DEMO, values.DATABASE_URL, values.KEEP], [3000, false, undefined, 1_000]);
});

test('every problem is told at once, and no secret is', () => {
  const environment = {
    PORT: '70000',
    POOL: '1.5',
    DEMO: 'perhaps',
    DATABASE_URL: 'mysql://root:hunter2@db/x',
    KEY: 'hunter2',
    LEVEL: 'loud',
    KEEP: '10',
    PEERS: 'a,,b',
  };
  try {
    readSettings(environment, settings);
    ok(false, 'nothing was refused');
  } catch (error) {
    const known = findAppError(error);
    equal(known?.code, 'config.invalid');
    deepEqual(known.message.split('\n'), [
      'PORT: must be a port from 0 to 65535, got "70000"',
      'POOL: must be a whole number of connections from 1 to 100, got "1.5"',
      'DEMO: must be 1 or 0, got "perhaps"',
      'DATABASE_URL: must be a URL that starts with postgres:// or postgresql://, got something else (not shown)',
      'KEY: must be a text of 8 to 1000 characters, got something else (not shown)',
      'LEVEL: must be one of debug, info, got "loud"',
      'KEEP: must be a duration like 250ms, 15s, 2m, 24h or 7d, from 100 to 86400000 ms, got "10"',
      'PEERS: must be words separated by commas, got "a,,b"',
    ]);
  }
});

test('a required setting that is missing is named', () => {
  try {
    readSettings({}, settings);
    ok(false, 'nothing was refused');
  } catch (error) {
    equal(findAppError(error)?.message, 'KEY: must be a text of 8 to 1000 characters, but is missing');
  }
});

test('settings describe themselves', () => {
  const [port, , , url, key] = describeSettings(settings);
  deepEqual(port, { name: 'PORT', meaning: "the gateway's port", expects: 'a port from 0 to 65535', default: '3000' });
  deepEqual([url?.default, key?.default], ['', '']);
});
