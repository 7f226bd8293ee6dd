import assert from 'node:assert/strict';
import { test } from 'node:test';
import { urlOnThisMachine } from './url-on-this-machine.ts';

test('who listens everywhere or on loopback is reached as localhost', () => {
  for (const host of ['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost'])
    assert.equal(urlOnThisMachine(host, 3000), 'http://localhost:3000');
});

test('who listens at one address is reached there only', () => {
  assert.equal(urlOnThisMachine('10.0.0.7', 3000), 'http://10.0.0.7:3000');
  assert.equal(urlOnThisMachine('127.0.0.2', 3000), 'http://127.0.0.2:3000');
  assert.equal(urlOnThisMachine('fd00::7', 3000), 'http://[fd00::7]:3000');
  assert.equal(urlOnThisMachine('shop.example', 80), 'http://shop.example:80');
});
