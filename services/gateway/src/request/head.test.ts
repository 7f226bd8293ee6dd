import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHead } from './head.ts';

const waitS = (prefer: string) => readHead(['Host', 'shop.example', 'Prefer', prefer], '1.1', false).waitS;

test('the gateway waits for as long as the service behind it, however the preference is written', () => {
  for (const [prefer, seconds] of [
    ['wait=5', 5],
    ['respond-async, wait = 5', 5],
    ['wait="20"', 20],
    ['wait=1000', 30],
    ['wait=x', 0],
    ['await=5', 0],
  ] as const)
    assert.equal(waitS(prefer), seconds, prefer);
});
