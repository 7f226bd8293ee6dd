import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { accountIn } from './peek-body.ts';

const accountOf = (email: unknown) => accountIn(Buffer.from(JSON.stringify({ email })));

test('an account is one and the same however its address is spelt, as it is to the user service', () => {
  const spellings = ['Ren\u00e9@shop.example', ' rene\u0301@SHOP.example', 'RENE\u0301@shop.example'];
  for (const spelling of spellings) equal(accountOf(spelling), 'ren\u00e9@shop.example');
});

test('a body that names no account counts against none', () => {
  equal(accountOf(7), undefined);
  equal(accountIn(Buffer.from('{')), undefined);
});
