import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { OrderStatus } from '@stoa/contracts/order';
import { newId } from '@stoa/platform/ids';
import type { Service } from '@stoa/platform/service';
import { commit, receive, reserve, startTestInventory, type TestInventory } from '../testing/hosted.ts';
import { releaseEndedOrders } from './release-ended-orders.ts';

let shop: TestInventory;
before(async () => {
  shop = await startTestInventory();
});
after(() => shop.close());

/** The order service, as far as it is asked: it knows these orders and no others. */
function besideOrders(known: ReadonlyMap<string, { status: OrderStatus; live: boolean }>): Service<never> {
  const statusOf = async ({ body }: { body: { orderIds: string[] } }) =>
    body.orderIds.flatMap((orderId) => {
      const order = known.get(orderId);
      return order ? [{ orderId, ...order }] : [];
    });
  return { ...shop.service, client: () => ({ statusOf }) as never };
}

it('frees what is held for orders that have ended, and nothing else', async () => {
  await receive(shop, 'LAMP', 1_000);
  const orders = new Map<string, { status: OrderStatus; live: boolean }>();
  const held = async (status: OrderStatus, live: boolean) => {
    const id = newId();
    orders.set(id, { status, live });
    await shop.carryOut([reserve(id, [{ sku: 'LAMP', quantity: 1 }])]);
    return id;
  };
  const kept = [
    await held('pending', true),
    await held('rejected', true),
    await held('confirmed', false),
    await held('cancelled', true),
  ];
  const sold = await held('cancelled', false);
  await shop.carryOut([commit(sold)]);
  const unknown = newId();
  await shop.carryOut([reserve(unknown, [{ sku: 'LAMP', quantity: 1 }])]);
  const freed = [await held('rejected', false), await held('cancelled', false)];
  // More than are asked for at once.
  const many = Array.from({ length: 600 }, () => newId());
  for (const id of many) orders.set(id, { status: 'rejected', live: false });
  await shop.carryOut(many.map((id) => reserve(id, [{ sku: 'LAMP', quantity: 1 }])));
  const fresh = await held('rejected', false);
  await shop.db.query(`update reservation set at = at - interval '2 minutes' where order_id <> $1`, [fresh]);

  await releaseEndedOrders.run(besideOrders(orders));

  const heldOf = async (ids: readonly string[]) => Promise.all(ids.map(async (id) => (await shop.holdsOf(id))?.held));
  assert.deepEqual(await heldOf([...kept, unknown, fresh]), [1, 1, 1, 1, 1, 1]);
  assert.deepEqual(
    await heldOf([...freed, ...many]),
    [...freed, ...many].map(() => 0),
  );
  assert.partialDeepStrictEqual(await shop.holdsOf(sold), { sold: 1 });
  assert.partialDeepStrictEqual(await shop.stockOf('LAMP'), { onHand: 999, reserved: 6, sold: 1 });
});
