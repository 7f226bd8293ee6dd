import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paymentStatuses } from '@stoa/contracts/payment';
import { giveBackOf } from './give-back.ts';

test('every status says what giving back takes, and what is over takes nothing', () => {
  const byStatus = Object.fromEntries(paymentStatuses.map((status) => [status, giveBackOf(status)]));
  assert.deepEqual(byStatus, {
    authorising: 'wait',
    waiting: 'void',
    authorised: 'void',
    declined: 'nothing',
    unavailable: 'nothing',
    voiding: 'wait',
    voided: 'nothing',
    capturing: 'wait',
    captured: 'refund',
    'capture-failed': 'void',
  });
});
