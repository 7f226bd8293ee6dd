import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findAppError } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import fc from 'fast-check';
import { checkInvariants } from '../queries/check-invariants.ts';
import {
  asker,
  commit,
  letGo,
  merchandiser,
  receive,
  reserve,
  restock,
  startTestInventory,
  type TestCommand,
  type TestInventory,
} from '../testing/hosted.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(() => shop.close());

const skus = ['A', 'B', 'C'];
const line = fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 8 }) });
// Few orders, so that sequences come to sell, take back and cancel the same one.
const order = fc.integer({ min: 0, max: 2 });
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('reserve' as const), order }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('letGo' as const), order }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('commit' as const), order }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom('cancelled' as const, 'returned' as const),
      order,
      /** All of the order's lines, or one unit of its first. */
      whole: fc.boolean(),
      restock: fc.integer({ min: 0, max: 9 }),
    }),
  },
);
const adjustment = fc.record({
  what: fc.constant('adjust' as const),
  sku: fc.constantFrom(...skus),
  kind: fc.constantFrom('received' as const, 'adjusted' as const, 'damaged' as const, 'returned' as const),
  quantity: fc.integer({ min: -15, max: 15 }),
  locationId: fc.constantFrom('main', 'east'),
});
const step = fc.oneof(
  { weight: 2, arbitrary: fc.array(command, { minLength: 1, maxLength: 4 }) },
  { weight: 3, arbitrary: adjustment },
);
const orders = fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 3 });

describe('any sequence of commands and adjustments', () => {
  it('keeps the books in order after every step', async () => {
    let done = 0;
    await fc.assert(
      fc.asyncProperty(orders, fc.array(step, { minLength: 15, maxLength: 30 }), async (lines, steps) => {
        await shop.db.query('truncate stock, reservation, ledger, restock, kit.step', []);
        const ids = lines.map(() => newId());
        const restocks = Array.from({ length: 10 }, () => newId());
        for (const sku of skus) await receive(shop, sku, 20);
        for (const next of steps) {
          if (Array.isArray(next)) {
            const commands = next.map((one): TestCommand => {
              const id = ids[one.order] as string;
              const own = lines[one.order] as { sku: string; quantity: number }[];
              if (one.what === 'reserve') return reserve(id, own);
              if (one.what === 'letGo') return letGo(id, own);
              if (one.what === 'commit') return commit(id);
              const back = one.whole ? own : own.slice(0, 1).map(({ sku }) => ({ sku, quantity: 1 }));
              return restock(id, back, { kind: one.what, restockId: restocks[one.restock] as string });
            });
            // The inbox takes one message of a key into a batch.
            const outcomes = await shop.carryOut([...new Map(commands.map((one) => [one.orderId, one])).values()]);
            done += outcomes.filter(({ kind }) => kind === 'done').length;
          } else {
            await adjust(next);
          }
          await assertInOrder();
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(done > 100, 'sequences that do nothing prove nothing');
  });
});

async function adjust({
  sku,
  kind,
  quantity,
  locationId,
}: typeof adjustment extends fc.Arbitrary<infer A> ? A : never): Promise<void> {
  const call = { params: { sku }, body: { kind, quantity, reason: 'count', locationId } };
  try {
    await shop.api.adjustStock(call, { ...asker, principal: merchandiser, idempotencyKey: newId() });
  } catch (error) {
    const code = findAppError(error)?.code;
    assert.ok(code === 'inventory.insufficient' || (code === 'request.invalid' && quantity <= 0), String(error));
  }
}

async function assertInOrder(): Promise<void> {
  for (const { violations } of await checkInvariants(shop.service)) assert.deepEqual(violations, []);
  const { items } = await shop.api.listStock({}, { ...asker, principal: merchandiser });
  for (const { onHand, available, reserved, received, returned, adjusted, sold, damaged } of items) {
    assert.equal(onHand, available + reserved);
    assert.equal(onHand, received + returned + adjusted - sold - damaged);
    assert.ok(Math.min(available, reserved, received, returned, sold, damaged) >= 0);
  }
}
