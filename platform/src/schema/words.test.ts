import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Country, validatorOf } from './index.ts';

test('a country is one of the 249 of ISO 3166-1, or Kosovo', () => {
  const letters = Array.from({ length: 26 }, (_, at) => String.fromCharCode(65 + at));
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  const { check } = validatorOf(Country);
  const countries = codes.filter((code) => check(code));
  equal(countries.length, 250);
  for (const none of ['XX', 'ZZ', 'EU', 'UK', 'DD', 'SU', 'gb', 'GBR', 'G', '']) equal(check(none), false, none);
  deepEqual(countries.slice(0, 3), ['AD', 'AE', 'AF']);
});
