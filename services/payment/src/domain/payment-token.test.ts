import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPaymentToken } from './payment-token.ts';

test('tokens of the sandbox and opaque ids of a provider are payment tokens', () => {
  for (const text of ['tok_approved', 'tok_error_once', 'pm_1NvPnF2eZvKYlo2CX3JzQ9sA', 'src_1'])
    assert.ok(isPaymentToken(text), text);
});

test('what is or hides a card number is no payment token', () => {
  const numbers = [
    '4242424242424242',
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    'tok_4242424242424242',
    'pm_424242424242',
  ];
  for (const text of numbers) assert.ok(!isPaymentToken(text), text);
});

test('other texts are no payment tokens', () => {
  for (const text of ['', 'tok_', 'approved', 'tok_Ä', 'tok_a b', `tok_${'a'.repeat(200)}`, 'tok_a\n'])
    assert.ok(!isPaymentToken(text), text);
});
