import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AdjustmentInput } from '@stoa/contracts/inventory';
import { newId } from '@stoa/platform/ids';
import { anonymous, type Principal } from '@stoa/platform/schema';
import { asker, merchandiser, receive, reserve, startTestInventory, type TestInventory } from '../testing/hosted.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(() => shop.close());

const customer: Principal = { kind: 'user', userId: newId(), role: 'customer', sessionId: newId() };
const support: Principal = { kind: 'user', userId: newId(), role: 'support', sessionId: newId() };

function adjust(
  sku: string,
  body: Omit<AdjustmentInput, 'reason'>,
  { principal = merchandiser, idempotencyKey = newId() as string | undefined } = {},
) {
  const call = { params: { sku }, body: { reason: 'stocktaking', ...body } };
  return shop.api.adjustStock(call, { ...asker, principal, ...(idempotencyKey && { idempotencyKey }) });
}

describe('adjusting stock', () => {
  it('moves each kind into its column and answers with the movement and the stock', async () => {
    const { stock, ...movement } = await adjust('chair', { kind: 'received', quantity: 10 });
    assert.partialDeepStrictEqual(movement, {
      sku: 'CHAIR',
      kind: 'received',
      quantity: 10,
      reason: 'stocktaking',
      orderId: null,
      locationId: 'main',
    });
    assert.partialDeepStrictEqual(stock, { sku: 'CHAIR', onHand: 10, received: 10, available: 10, version: 1 });
    await adjust('Chair', { kind: 'damaged', quantity: 2 });
    await adjust('CHAIR', { kind: 'adjusted', quantity: -3 });
    const last = await adjust('CHAIR', { kind: 'returned', quantity: 1, locationId: 'north-2' });
    assert.partialDeepStrictEqual(last.stock, {
      onHand: 6,
      received: 10,
      damaged: 2,
      adjusted: -3,
      returned: 1,
      available: 6,
      version: 4,
    });
    assert.deepEqual(
      last.stock.locations.map(({ locationId, onHand }) => [locationId, onHand]),
      [
        ['main', 5],
        ['north-2', 1],
      ],
    );
    assert.deepEqual(await shop.stockOf('CHAIR'), last.stock);
    assert.deepEqual(
      (await shop.ledgerOf('CHAIR')).map(({ kind, quantity }) => [kind, quantity]),
      [
        ['returned', 1],
        ['adjusted', -3],
        ['damaged', 2],
        ['received', 10],
      ],
    );
  });

  it('is refused when less would be left than is reserved at that location', async () => {
    await receive(shop, 'TABLE', 5);
    await receive(shop, 'TABLE', 5, 'east');
    await shop.carryOut([reserve(newId(), [{ sku: 'TABLE', quantity: 4 }])]);
    await assert.rejects(adjust('TABLE', { kind: 'damaged', quantity: 2 }), { code: 'inventory.insufficient' });
    await assert.rejects(adjust('TABLE', { kind: 'adjusted', quantity: -2 }), { code: 'inventory.insufficient' });
    await assert.rejects(adjust('NOTHING', { kind: 'adjusted', quantity: -1 }), { code: 'inventory.insufficient' });
    await adjust('TABLE', { kind: 'damaged', quantity: 1 });
    assert.partialDeepStrictEqual(await shop.stockOf('TABLE'), { onHand: 9, reserved: 4, damaged: 1 });
  });

  it('is refused for quantities that cannot be', async () => {
    for (const body of [
      { kind: 'received', quantity: 0 },
      { kind: 'received', quantity: -1 },
      { kind: 'adjusted', quantity: 0 },
      { kind: 'damaged', quantity: 1_000_001 },
      { kind: 'sold', quantity: 1 },
      { kind: 'received', quantity: 1, locationId: 'Main Street' },
    ]) {
      await assert.rejects(adjust('SHELF', body as AdjustmentInput), { code: 'request.invalid' });
    }
    await assert.rejects(shop.stockOf('SHELF'), { code: 'inventory.not-found' });
  });

  it('happens once for each key, which it needs', async () => {
    await assert.rejects(adjust('STOOL', { kind: 'received', quantity: 1 }, { idempotencyKey: '' }), {
      code: 'idempotency.key-required',
    });
    const idempotencyKey = newId();
    const body = { kind: 'received', quantity: 7 } as const;
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, () => adjust('STOOL', body, { idempotencyKey })),
    );
    const again = await adjust('STOOL', body, { idempotencyKey });
    for (const answer of answers) if (answer.status === 'fulfilled') assert.deepEqual(answer.value, again);
    assert.partialDeepStrictEqual(await shop.stockOf('STOOL'), { onHand: 7 });
    await assert.rejects(adjust('STOOL', { kind: 'received', quantity: 8 }, { idempotencyKey }), {
      code: 'idempotency.key-reused',
    });
  });

  it('adds up when many come at once', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => adjust('BENCH', { kind: 'adjusted', quantity: at % 2 === 0 ? 3 : 1 })),
    );
    assert.partialDeepStrictEqual(await shop.stockOf('BENCH'), { onHand: 120, adjusted: 120, version: 60 });
  });

  it('answers with the whole stock when many come to several places at once', async () => {
    const places = ['main', 'north-1', 'north-2', 'south'];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        adjust('CRATE', { kind: 'received', quantity: 1, locationId: places[at % 4] as string }),
      ),
    );
    const told = answers.map(({ stock }) => [stock.version, stock.available]).sort(([a = 0], [b = 0]) => a - b);
    assert.deepEqual(
      told,
      Array.from({ length: 40 }, (_, at) => [at + 1, at + 1]),
    );
  });

  it('is for merchandisers', async () => {
    const body = { kind: 'received', quantity: 1 } as const;
    for (const principal of [customer, support])
      await assert.rejects(adjust('DESK', body, { principal }), { code: 'auth.forbidden' });
    await assert.rejects(adjust('DESK', body, { principal: anonymous }), { code: 'auth.missing' });
  });
});
