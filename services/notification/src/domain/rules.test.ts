import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailTemplates } from '@stoa/contracts/notification';
import { money } from '@stoa/platform/money';
import { isHistorical, isOptional } from './mail-rules.ts';
import { maskEmail, withoutAddresses } from './privacy.ts';
import { spellMoney } from './spelling.ts';

test('only the news that a parcel left may be turned off', () => {
  assert.deepEqual(mailTemplates.filter(isOptional), ['order-shipped']);
});

test('what happened more than two days before it was told comes from an import', () => {
  assert.equal(isHistorical('2026-01-01T00:00:00Z', '2026-01-03T00:00:00Z'), false);
  assert.equal(isHistorical('2026-01-01T00:00:00Z', '2026-01-03T00:00:00.001Z'), true);
  assert.equal(isHistorical('2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z'), false);
});

test('a masked address shows its first character and its domain', () => {
  assert.equal(maskEmail('ann@example.org'), 'a***@example.org');
  assert.equal(maskEmail('😀ann@example.org'), '😀***@example.org');
  assert.equal(maskEmail('not an address'), '***');
});

test('a reason keeps what the server said and no address', () => {
  assert.equal(
    withoutAddresses('550 <ann@example.org>: user\r\nann@example.org unknown'),
    '550 <***>: user *** unknown',
  );
});

test('money is spelled exactly in every currency', () => {
  assert.equal(spellMoney(money(9_007_199_254_740_991, 'GBP')), '£90,071,992,547,409.91');
  assert.equal(spellMoney(money(1_500, 'JPY')), 'JP¥1,500');
  assert.match(spellMoney(money(1_999, 'EUR')), /€19\.99/);
  assert.match(spellMoney(money(129_950, 'HUF')), /1,299\.50/);
});
