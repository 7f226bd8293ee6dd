import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { Answer } from '../../ask.ts';
import type { TestShop } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

/** What takes longer than somebody waits. */
export function deadlines({ place, test }: Conformance): void {
  let shop: TestShop;
  before(async () => {
    ({ shop } = place());
    await shop.stockUp('LATE-1', 100);
  });

  test('who waits for less than a check-out takes is told that it is under way, and it goes on', async () => {
    const placed = await shop.place(
      { items: [{ sku: 'LATE-1', quantity: 1 }], paymentToken: 'tok_slow' },
      { waitS: 1 },
    );
    const { status } = await shop.orderWhen(placed.body.id, (order) => order.status !== 'pending');
    return [placed.status, placed.body.status, status];
  });

  test('what a service cannot answer in time is given up, there and by those that asked it, and then works again', async () => {
    const catalogue = await place().database('product');
    const items = [{ sku: 'LATE-2', quantity: 1 }];
    await shop.stockUp('LATE-2', 100);
    const seen = await catalogue.transaction(async (tx) => {
      // The shop's databases end a transaction that stands still for five seconds; this one has to.
      await tx.query('set local idle_in_transaction_session_timeout = 0');
      await tx.query('lock table product, variant, product_price in access exclusive mode');
      const answers = [
        timed(() => shop.asAdmin('GET', '/api/v1/products?search=nothing')),
        timed(() => shop.place({ items })),
      ];
      return Promise.all(answers);
    });
    for (const { tookMs } of seen) assert.ok(tookMs < 15_000, `${tookMs} ms`);
    const { body } = await shop.place({ items }, { waitS: 30 });
    return [...seen.map(({ answer }) => [answer.status, answer.body.code]), body.status];
  });

  async function timed(run: () => Promise<Answer<unknown>>) {
    const startedMs = performance.now();
    const answer = (await run()) as Answer<{ code?: string }>;
    return { answer, tookMs: performance.now() - startedMs };
  }
}
