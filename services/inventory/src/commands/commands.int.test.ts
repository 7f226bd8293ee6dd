import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { checkInvariants } from '../queries/check-invariants.ts';
import {
  commit,
  done,
  letGo,
  receive,
  reserve,
  restock,
  startTestInventory,
  type TestInventory,
} from '../testing/hosted.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(async () => {
  const checks = await checkInvariants(shop.service);
  await shop.close();
  assert.deepEqual(
    checks.flatMap(({ violations }) => violations),
    [],
  );
});

const one = (sku: string, quantity = 1) => [{ sku, quantity }];
const superseded = { kind: 'superseded' };

describe('reserving stock', () => {
  it('holds what is there, sells it when it is committed, and takes it back when the order is cancelled', async () => {
    await receive(shop, 'LAMP', 5);
    const order = newId();
    assert.deepEqual(await shop.carryOut([reserve(order, one('LAMP', 2))]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('LAMP'), { onHand: 5, reserved: 2, available: 3 });
    assert.deepEqual(await shop.holdsOf(order), { orderId: order, held: 2, sold: 0 });
    assert.deepEqual(await shop.carryOut([commit(order)]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('LAMP'), {
      onHand: 3,
      reserved: 0,
      available: 3,
      sold: 2,
      received: 5,
    });
    assert.deepEqual(await shop.carryOut([restock(order, one('LAMP', 2), { kind: 'cancelled' })]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('LAMP'), {
      onHand: 5,
      reserved: 0,
      available: 5,
      sold: 0,
      received: 5,
    });
    assert.deepEqual(await shop.holdsOf(order), { orderId: order, held: 0, sold: 0 });
    assert.deepEqual(
      (await shop.ledgerOf('LAMP')).map(({ kind, quantity, reason, orderId }) => ({ kind, quantity, reason, orderId })),
      [
        { kind: 'sold', quantity: -2, reason: 'cancelled', orderId: order },
        { kind: 'sold', quantity: 2, reason: null, orderId: order },
        { kind: 'received', quantity: 5, reason: 'delivery', orderId: null },
      ],
    );
  });

  it('refuses an order that wants more than there is, naming the SKU, and serves the others of its batch', async () => {
    await Promise.all([receive(shop, 'MUG', 3), receive(shop, 'TRAY', 9)]);
    const [first, second, third] = [newId(), newId(), newId()] as const;
    const outcomes = await shop.carryOut([
      reserve(first, one('MUG', 2)),
      reserve(second, [...one('TRAY', 1), ...one('MUG', 2)]),
      reserve(third, one('mug', 1)),
    ]);
    const refused = { kind: 'refused', code: 'order.out-of-stock', detail: 'MUG: 2 asked for, 1 available.' };
    assert.deepEqual(outcomes, [done, refused, done]);
    assert.partialDeepStrictEqual(await shop.stockOf('TRAY'), { reserved: 0, available: 9 });
    assert.deepEqual(await shop.holdsOf(second), { orderId: second, held: 0, sold: 0 });
  });

  it('refuses a SKU that was never stocked', async () => {
    const [outcome] = await shop.carryOut([reserve(newId(), one('NEVER', 1))]);
    assert.deepEqual(outcome, {
      kind: 'refused',
      code: 'order.out-of-stock',
      detail: 'NEVER: 1 asked for, 0 available.',
    });
  });

  it('checks two lines of one SKU together', async () => {
    await receive(shop, 'BOWL', 5);
    const [both] = await shop.carryOut([reserve(newId(), [...one('BOWL', 3), ...one('bowl', 3)])]);
    assert.deepEqual(both, { kind: 'refused', code: 'order.out-of-stock', detail: 'BOWL: 6 asked for, 5 available.' });
    const order = newId();
    assert.deepEqual(await shop.carryOut([reserve(order, [...one('BOWL', 3), ...one('BOWL', 2)])]), [done]);
    assert.partialDeepStrictEqual(await shop.holdsOf(order), { held: 5 });
  });

  it('takes from the main location first, then from the others in order of their ids', async () => {
    for (const [place, quantity] of [
      ['west', 5],
      ['main', 1],
      ['east', 2],
    ] as const)
      await receive(shop, 'SOFA', quantity, place);
    const order = newId();
    await shop.carryOut([reserve(order, one('SOFA', 4))]);
    const { locations } = await shop.stockOf('SOFA');
    assert.deepEqual(
      locations.map(({ locationId, reserved }) => [locationId, reserved]),
      [
        ['main', 1],
        ['east', 2],
        ['west', 1],
      ],
    );
    await shop.carryOut([commit(order)]);
    await shop.carryOut([restock(order, one('SOFA', 3), { kind: 'returned' })]);
    const back = await shop.stockOf('SOFA');
    assert.deepEqual(
      back.locations.map(({ locationId, available }) => [locationId, available]),
      [
        ['main', 1],
        ['east', 2],
        ['west', 4],
      ],
    );
  });

  it('happens once however often the command comes', async () => {
    await receive(shop, 'RUG', 5);
    const order = newId();
    await shop.carryOut([reserve(order, one('RUG', 2))]);
    assert.deepEqual(await shop.carryOut([reserve(order, one('RUG', 2))]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('RUG'), { reserved: 2 });
  });
});

describe('letting stock go', () => {
  it('frees what the order holds, once', async () => {
    await receive(shop, 'VASE', 4);
    const order = newId();
    await shop.carryOut([reserve(order, one('VASE', 3))]);
    for (let time = 1; time <= 2; time++) {
      assert.deepEqual(await shop.carryOut([letGo(order, one('VASE', 3))]), [done]);
      assert.partialDeepStrictEqual(await shop.stockOf('VASE'), { reserved: 0, available: 4 });
    }
  });

  it('that overtakes its reservation leaves nothing to reserve', async () => {
    await receive(shop, 'FORK', 4);
    const order = newId();
    assert.deepEqual(await shop.carryOut([letGo(order, one('FORK', 3))]), [done]);
    assert.deepEqual(await shop.carryOut([reserve(order, one('FORK', 3))]), [superseded]);
    assert.partialDeepStrictEqual(await shop.stockOf('FORK'), { reserved: 0, available: 4 });
  });

  it('does nothing for an order that was refused', async () => {
    const order = newId();
    await shop.carryOut([reserve(order, one('FORK', 30))]);
    assert.deepEqual(await shop.carryOut([letGo(order, one('FORK', 30))]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('FORK'), { reserved: 0, available: 4 });
  });
});

describe('selling and taking back', () => {
  it('refuses to sell what an order does not hold', async () => {
    const order = newId();
    assert.partialDeepStrictEqual(await shop.carryOut([commit(order)]), [
      { kind: 'refused', code: 'inventory.not-reserved' },
    ]);
    await receive(shop, 'KNIFE', 1);
    const released = newId();
    await shop.carryOut([reserve(released, one('KNIFE'))]);
    await shop.carryOut([letGo(released, one('KNIFE'))]);
    assert.partialDeepStrictEqual(await shop.carryOut([commit(released)]), [
      { kind: 'refused', code: 'inventory.not-reserved' },
    ]);
  });

  it('refuses to undo a sale as a step', async () => {
    await receive(shop, 'SPOON', 1);
    const order = newId();
    await shop.carryOut([reserve(order, one('SPOON'))]);
    await shop.carryOut([commit(order)]);
    const undo = { ...commit(order), mode: 'undo' } as const;
    assert.partialDeepStrictEqual(await shop.carryOut([undo]), [{ kind: 'refused', code: 'inventory.not-undoable' }]);
    assert.partialDeepStrictEqual(await shop.stockOf('SPOON'), { sold: 1, onHand: 0 });
  });

  it('takes returned goods back once for each restock, and never more than were sold', async () => {
    await receive(shop, 'PAN', 6);
    const order = newId();
    await shop.carryOut([reserve(order, one('PAN', 3))]);
    await shop.carryOut([commit(order)]);
    const restockId = newId();
    // Two steps of one restock in a batch, then a third: beyond the kit's gate, the restock itself happens once.
    const again = () => restock(order, one('PAN', 2), { kind: 'returned', restockId });
    assert.deepEqual(await shop.carryOut([again(), again()]), [done, done]);
    assert.deepEqual(await shop.carryOut([again()]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('PAN'), { returned: 2, sold: 3, onHand: 5, available: 5 });
    const [more] = await shop.carryOut([restock(order, one('PAN', 2), { kind: 'returned' })]);
    assert.partialDeepStrictEqual(more, { kind: 'refused', code: 'inventory.not-sold' });
    assert.deepEqual(await shop.carryOut([restock(order, one('PAN', 3), { kind: 'cancelled' })]), [done]);
    assert.partialDeepStrictEqual(await shop.stockOf('PAN'), { returned: 0, sold: 0, onHand: 6, available: 6 });
  });
});
