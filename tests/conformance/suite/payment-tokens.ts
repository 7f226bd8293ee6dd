import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import type { Payment } from '@stoa/contracts/payment';
import type { TestShop } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

interface Ending {
  readonly status: Order['status'];
  readonly code?: string;
  readonly payment: Payment['status'];
  readonly sold: boolean;
}

const confirmed: Ending = { status: 'confirmed', payment: 'captured', sold: true };
const declined: Ending = { status: 'rejected', code: 'payment.declined', payment: 'declined', sold: false };

/** Every way of a payment, and where it ends. */
const endings: Readonly<Record<string, Ending>> = {
  tok_approved: confirmed,
  tok_slow: confirmed,
  tok_error_once: confirmed,
  tok_async: confirmed,
  tok_timeout: confirmed,
  tok_declined: declined,
  tok_insufficient_funds: declined,
  tok_nobody_knows: declined,
  tok_unavailable: { status: 'rejected', code: 'payment.unavailable', payment: 'unavailable', sold: false },
  tok_capture_fails: { status: 'cancelled', code: 'payment.capture-failed', payment: 'voided', sold: false },
};

/** Where a check-out ends, by how it is paid. Side by side, because some of them take their time. */
export function paymentTokens({ place, test }: Conformance): void {
  describe('a check-out', { concurrency: true }, () => {
    for (const [paymentToken, ending] of Object.entries(endings)) {
      test(`paid with ${paymentToken} ends ${ending.status}, with stock and money to match`, async () => {
        const { shop } = place();
        const sku = paymentToken.toUpperCase().replace('TOK_', '');
        await shop.stockUp(sku, 3, 1_250);
        const placed = await shop.place({ items: [{ sku, quantity: 2 }], paymentToken });
        assert.equal(placed.status, 202);
        assert.equal(placed.body.status, 'pending');
        const order = await shop.orderWhen(
          placed.body.id,
          ({ status, payment }) => status === ending.status && (status !== 'confirmed' || payment.captured.amount > 0),
          45_000,
        );
        assert.equal(order.failure?.code, ending.code);
        const total = ending.sold ? order.totals.total.amount : 0;
        assert.deepEqual([order.payment.captured.amount, order.payment.refunded.amount], [total, 0]);
        const payment = await paymentWhen(shop, order.id, ending.payment);
        assert.deepEqual([payment.captured.amount, payment.refunded.amount], [total, 0]);
        const ledger = payment.ledger.reduce(
          (sum, line) => sum + (line.account === 'sales' ? line.credit.amount - line.debit.amount : 0),
          0,
        );
        assert.equal(ledger, total, 'the ledger has what was kept');
        const { available, reserved, sold } = await shop.stock(sku);
        assert.deepEqual(
          { available, reserved, sold },
          ending.sold ? { available: 1, reserved: 0, sold: 2 } : { available: 3, reserved: 0, sold: 0 },
        );
      });
    }

    test('of which a step times out is let go, and the command that waited changes nothing when it comes after all', async () => {
      const { shop } = place();
      await shop.stockUp('LATE', 1);
      const { body: late } = await shop.place({
        items: [{ sku: 'LATE', quantity: 1 }],
        paymentToken: 'tok_unavailable',
      });
      const { body: next } = await shop.place({ items: [{ sku: 'LATE', quantity: 1 }] }, { waitS: 30 });
      assert.equal(next.status, 'rejected', 'the unit is held while the first check-out runs');
      await shop.orderWhen(late.id, ({ status }) => status === 'rejected', 45_000);
      const { body: last } = await shop.place({ items: [{ sku: 'LATE', quantity: 1 }] }, { waitS: 30 });
      assert.equal(last.status, 'confirmed', 'and free once it has ended');
    });
  });
}

async function paymentWhen(shop: TestShop, orderId: string, status: Payment['status']): Promise<Payment> {
  for (const deadlineMs = performance.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const [payment] = (await shop.expectAdmin<{ items: Payment[] }>(200, 'GET', `/api/v1/payments?orderId=${orderId}`))
      .items;
    if (payment?.status === status) return payment;
    assert.ok(performance.now() < deadlineMs, `the payment is ${payment?.status}, not ${status}`);
  }
}
