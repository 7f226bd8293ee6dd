import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { type HostedPayment, hostPayment } from '../testing/host-payment.ts';
import { refundCharge } from './sandbox-charges.ts';

describe('a refund at the sandbox', () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('sandbox charges');
  });
  after(() => shop.close());

  it('that is asked for again while its first try still commits is given once, and both are told so', async () => {
    const orderId = newId();
    await shop.does('authorise', { orderId, amount: 999 });
    await shop.does('capture', { orderId, amount: 999 });
    const [charge] = await shop.charges(orderId);
    const refund = { key: newId(), charge: charge?.key ?? '', amount: 999 };
    const blocked = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    const { first, second } = await shop.db.transaction(async (tx) => {
      const first = await refundCharge(tx, refund);
      const second = refundCharge(shop.db, refund);
      const deadlineMs = performance.now() + 4_000;
      while ((await shop.db.query(blocked)).length === 0) assert.ok(performance.now() < deadlineMs, 'it did not wait');
      return { first, second };
    });
    assert.deepEqual([first, await second], [true, true]);
    assert.equal((await shop.charges(orderId))[0]?.refunded, 999);
    assert.equal(await refundCharge(shop.db, { ...refund, key: newId() }), false, 'there is nothing left for another');
  });
});
