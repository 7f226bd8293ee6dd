import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { examine } from './examine.ts';

const environment = { STOA_DATA_DIR: join(tmpdir(), 'stoa-doctor'), PORT: '0', STOA_METRICS_PORT: '0' };

async function shopIn(surroundings: Readonly<Record<string, string>>) {
  const found = await examine({ ...environment, ...surroundings });
  return found.find(({ name }) => name === 'shop');
}

test('a shop that was named and does not answer is wrong', async () => {
  const shop = await shopIn({ STOA_URL: 'http://127.0.0.1:9' });
  assert.equal(shop?.state, 'bad');
  assert.match(shop.advice ?? '', /STOA_URL/);
});

test('where none was named none need be', async () => {
  assert.notEqual((await shopIn({}))?.state, 'bad');
  assert.notEqual((await shopIn({ STOA_URL: '' }))?.state, 'bad');
});
