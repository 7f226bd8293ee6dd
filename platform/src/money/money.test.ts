import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { format, minorDigits, parseDecimal } from './index.ts';

test('minor units are those of ISO 4217, not those that people write', () => {
  for (const [digits, currencies] of [
    [0, 'JPY KRW ISK VND XOF'],
    [2, 'EUR GBP USD HUF COP IDR IRR PKR YER MGA'],
    [3, 'BHD IQD KWD TND'],
    [4, 'CLF UYW'],
  ] as const)
    for (const currency of currencies.split(' ')) equal(minorDigits(currency), digits, currency);
});

test('a price in forints is read and written to the fillér', () => {
  deepEqual(parseDecimal('1299.50', 'HUF'), { amount: 129_950, currency: 'HUF' });
  equal(format({ amount: 129_900, currency: 'HUF' }), '1299.00 HUF');
});
