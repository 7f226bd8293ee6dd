import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { Order, Refund } from '@stoa/contracts/order';
import type { Payment } from '@stoa/contracts/payment';
import { newId } from '@stoa/platform/ids';
import type { Answer } from '../../ask.ts';
import type { TestShop } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

/** Buyers, refunds and cancellations at the same time. */
export function races({ place, repetitions, test }: Conformance): void {
  let shop: TestShop;
  before(() => {
    ({ shop } = place());
  });

  const codeOf = ({ body }: Answer<unknown>): string | undefined => (body as { code?: string }).code;
  const statuses = (answers: readonly Answer<Order>[]) =>
    Object.fromEntries(
      [...Map.groupBy(answers, ({ body }) => body.status)].map(([status, group]) => [status, group.length]),
    );

  test('5 units and 50 buyers give exactly 5 confirmed orders, every time', async () => {
    for (let round = 1; round <= repetitions.rounds; round++) {
      const sku = `FIVE-${round}`;
      await shop.stockUp(sku, 5);
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => shop.place({ items: [{ sku, quantity: 1 }] }, { waitS: 30 })),
      );
      assert.deepEqual(statuses(answers), { confirmed: 5, rejected: 45 }, `round ${round}`);
      for (const { body } of answers)
        if (body.status === 'rejected') assert.equal(body.failure?.code, 'order.out-of-stock');
      await shop.settled();
      const { available, reserved, sold } = await shop.stock(sku);
      assert.deepEqual({ available, reserved, sold }, { available: 0, reserved: 0, sold: 5 });
    }
  });

  test('ten buyers for each unit, some wanting two, get exactly what there is', async () => {
    const units = repetitions.buyers / 10;
    await shop.stockUp('MANY', units);
    const buyers = Array.from({ length: repetitions.buyers }, (_, at) => at);
    const queue = buyers.values();
    const answers: Answer<Order>[] = [];
    const buyer = async () => {
      for (const at of queue)
        answers.push(await shop.place({ items: [{ sku: 'MANY', quantity: at % 10 === 0 ? 2 : 1 }] }, { waitS: 30 }));
    };
    await Promise.all(Array.from({ length: 100 }, buyer));
    const sold = answers
      .filter(({ body }) => body.status === 'confirmed')
      .reduce((sum, { body }) => sum + (body.items[0]?.quantity ?? 0), 0);
    assert.equal(sold, units);
    assert.equal(answers.filter(({ body }) => !['confirmed', 'rejected'].includes(body.status)).length, 0);
    await shop.settled();
    const stock = await shop.stock('MANY');
    assert.deepEqual([stock.available, stock.reserved, stock.sold], [0, 0, units]);
  });

  test('two lines of one product in one order are held against the stock together', async () => {
    await shop.stockUp('TWICE', 5);
    const tooMany = await shop.place(
      {
        items: [
          { sku: 'TWICE', quantity: 3 },
          { sku: 'twice', quantity: 3 },
        ],
      },
      { waitS: 30 },
    );
    assert.deepEqual([tooMany.body.status, tooMany.body.failure?.code], ['rejected', 'order.out-of-stock']);
    const enough = await shop.place(
      {
        items: [
          { sku: 'TWICE', quantity: 3 },
          { sku: 'TWICE', quantity: 2 },
        ],
      },
      { waitS: 30 },
    );
    assert.equal(enough.body.status, 'confirmed');
    assert.deepEqual(
      enough.body.items.map(({ quantity }) => quantity),
      [3, 2],
      'lines stay lines',
    );
    await shop.settled();
    const { available, sold } = await shop.stock('TWICE');
    assert.deepEqual({ available, sold }, { available: 0, sold: 5 });
  });

  test('one key fifty times at once makes one order, and everybody gets the same bytes or is told to wait', async () => {
    await shop.stockUp('KEYED', 100);
    for (const waitS of [undefined, 20]) {
      const key = newId();
      const options = { key, ...(waitS !== undefined && { waitS }) };
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => shop.place({ items: [{ sku: 'KEYED', quantity: 1 }] }, options)),
      );
      const given = answers.filter(({ status }) => status < 300);
      const told = answers.filter(({ status }) => status >= 300);
      assert.ok(given.length >= 1);
      assert.equal(new Set(given.map(({ text }) => text)).size, 1);
      for (const answer of told) assert.deepEqual([answer.status, codeOf(answer)], [409, 'idempotency.in-progress']);
      const again = await shop.place({ items: [{ sku: 'KEYED', quantity: 1 }] }, options);
      assert.deepEqual([again.text, again.headers.get('idempotency-replayed')], [given[0]?.text, 'true']);
      const other = await shop.place({ items: [{ sku: 'KEYED', quantity: 2 }] }, options);
      assert.deepEqual([other.status, codeOf(other)], [422, 'idempotency.key-reused']);
    }
    await shop.settled();
    assert.equal((await shop.stock('KEYED')).sold, 2);
  });

  test('refunds of one order side by side never give back more than was paid', async () => {
    await shop.stockUp('REFUND', 100, 1_000);
    for (let round = 0; round < 5; round++) {
      const { body: order } = await shop.place({ items: [{ sku: 'REFUND', quantity: 3 }] }, { waitS: 30 });
      await shop.orderWhen(order.id, ({ payment }) => payment.captured.amount > 0);
      const amount = { amount: 1_000, currency: 'EUR' };
      const refunds = await Promise.all(
        Array.from({ length: 10 }, () =>
          shop.asAdmin<Refund>('POST', `/api/v1/orders/${order.id}/refunds`, {
            key: newId(),
            headers: { prefer: 'wait=30' },
            body: { amount, reason: 'they all ask' },
          }),
        ),
      );
      const granted = refunds.filter(({ status }) => status === 201);
      assert.equal(granted.length, Math.floor(order.totals.total.amount / 1_000));
      for (const answer of refunds)
        if (answer.status !== 201)
          assert.deepEqual([answer.status, codeOf(answer)], [409, 'payment.refund-exceeds-captured']);
      await shop.settled();
      const [payment] = (
        await shop.expectAdmin<{ items: Payment[] }>(200, 'GET', `/api/v1/payments?orderId=${order.id}`)
      ).items;
      assert.equal(payment?.refunded.amount, granted.length * 1_000);
      assert.equal((await shop.order(order.id)).payment.refunded.amount, granted.length * 1_000);
    }
  });

  test('an order that is cancelled while it is confirmed ends cancelled with everything let go, whoever is first', async () => {
    await shop.stockUp('CANCEL', 10_000);
    const placeAtOnce = 20;
    const from = new Map<string, number>([
      ['pending', 0],
      ['confirmed', 0],
    ]);
    // The cancel is to come about when the order is confirmed, however fast this machine is today.
    let aboutMs = 50;
    for (let round = 0; round < 3 || (Math.min(...from.values()) < 5 && round < repetitions.cancelRounds); round++) {
      const waits = Array.from({ length: placeAtOnce }, (_, at) => (at / placeAtOnce) * 2 * aboutMs);
      const startedMs = performance.now();
      const ids = await Promise.all(waits.map((waitMs) => placeAndCancel(waitMs)));
      await shop.settled();
      const confirmedFirst = (await Promise.all(ids.map(wasConfirmed))).filter(Boolean).length;
      from.set('confirmed', (from.get('confirmed') ?? 0) + confirmedFirst);
      from.set('pending', (from.get('pending') ?? 0) + placeAtOnce - confirmedFirst);
      if (confirmedFirst < 5) aboutMs = Math.min(performance.now() - startedMs, aboutMs * 2);
      if (confirmedFirst > placeAtOnce - 5) aboutMs /= 2;
    }
    assert.ok(Math.min(...from.values()) > 0, `both ways were gone: ${JSON.stringify([...from])}`);
    const { available, reserved, sold } = await shop.stock('CANCEL');
    assert.deepEqual({ available, reserved, sold }, { available: 10_000, reserved: 0, sold: 0 });
  });

  async function placeAndCancel(waitMs: number): Promise<string> {
    const { body } = await shop.place({ items: [{ sku: 'CANCEL', quantity: 1 }] });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const headers = { 'x-order-token': String(body.orderToken) };
    const answer = await shop.ask('POST', `/api/v1/orders/${body.id}/cancel`, {
      headers,
      body: { reason: 'too late?' },
    });
    assert.equal(answer.status, 202, answer.text);
    return body.id;
  }

  /** Checks that a cancelled order holds nothing; says whether it had been confirmed before. */
  async function wasConfirmed(id: string): Promise<boolean> {
    const order = await shop.order(id);
    assert.deepEqual([order.status, order.failure?.code], ['cancelled', 'order.cancelled']);
    const { items } = await shop.expectAdmin<{ items: Payment[] }>(200, 'GET', `/api/v1/payments?orderId=${id}`);
    for (const { captured, refunded, status } of items) {
      assert.equal(captured.amount - refunded.amount, 0);
      assert.ok(['voided', 'captured', 'declined'].includes(status), status);
    }
    const events = await shop.expectAdmin<{ type: string }[]>(200, 'GET', `/api/v1/orders/${id}/events`);
    return events.some(({ type }) => type === 'order-confirmed');
  }
}
