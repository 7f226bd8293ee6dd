import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import { type TestShop, until } from '../../shop.ts';
import type { Conformance } from '../conform.ts';
import { type Fault, hurryToTheEnd, openFault } from './fault.ts';
import { countedBy, lettersOf } from './letters.ts';

interface OrderEvent {
  readonly version: number;
  readonly type: string;
}

/** What happens to one order happens in its order, and waits for nobody else's. */
export function orderPerKey({ place, test }: Conformance): void {
  let shop: TestShop;
  let fault: Fault;
  before(async () => {
    ({ shop } = place());
    fault = await openFault(place());
    await shop.stockUp('IN-ORDER', 100);
    await shop.stockUp('POISONED', 100);
  });
  after(() => fault?.mend());

  test('twenty orders at once, each of which goes through the same stations', async () => {
    const placed = await Promise.all(
      Array.from({ length: 20 }, () => shop.place({ items: [{ sku: 'IN-ORDER', quantity: 1 }] }, { waitS: 30 })),
    );
    await shop.settled();
    const ways = await Promise.all(
      placed.map(({ body }) => shop.expectAdmin<OrderEvent[]>(200, 'GET', `/api/v1/orders/${body.id}/events`)),
    );
    for (const events of ways)
      assert.deepEqual(
        events.map(({ version }) => version),
        events.map((_, at) => at + 1),
      );
    return [...new Set(ways.map((events) => events.map(({ type }) => type).join(' > ')))];
  });

  test('who watches an order sees it change, and never going back', async () => {
    const { body: order } = await shop.place({ items: [{ sku: 'IN-ORDER', quantity: 1 }], paymentToken: 'tok_slow' });
    const seen = await watch(order, ({ payment }) => payment.captured.amount > 0);
    assert.deepEqual(
      seen.map(({ version }) => version),
      seen.map(({ version }) => version).toSorted((a, b) => a - b),
    );
    // Changes that another replica commits within a moment of each other may be shown as one.
    const stations = [...new Set(seen.map(({ status, payment }) => `${status} ${payment.status}`))];
    return [stations[0], stations.at(-1)];
  });

  test('behind a message that fails, those of its order wait, and those of other orders go on', async () => {
    await shop.settled();
    const before = await countedBy(shop);
    await fault.plant('order.confirmed.v1', 'POISONED');
    const { body: poisoned } = await shop.place({ items: [{ sku: 'POISONED', quantity: 1 }] }, { waitS: 30 });
    const checkedOut = poisoned.status;
    await shop.expectAdmin(202, 'POST', `/api/v1/orders/${poisoned.id}/cancel`, { body: { reason: 'a test' } });
    await shop.orderWhen(poisoned.id, ({ status }) => status === 'cancelled');
    await shop.place({ items: [{ sku: 'IN-ORDER', quantity: 1 }] }, { waitS: 30 });
    const counted = () => countedBy(shop).then(({ orders, cancelled }) => [orders, cancelled] as const);
    await until(counted, ([orders]) => orders === before.orders + 1);
    await until(
      async () => {
        await hurryToTheEnd(place());
        return (await lettersOf(shop)).map(({ state }) => state);
      },
      (states) => states.length === 1,
    );
    const [, cancelledWhileDead] = await counted();
    await fault.mend();
    await shop.expectAdmin(200, 'POST', '/api/v1/ops/dead-letters/redrive', { body: { all: true } });
    await shop.settled();
    const [orders, cancelled] = await counted();
    return {
      checkedOut,
      whileDead: { cancelled: cancelledWhileDead - before.cancelled },
      redriven: { orders: orders - before.orders, cancelled: cancelled - before.cancelled },
    };
  });

  /** The order as the stream shows it, until it satisfies. */
  async function watch(order: Order, satisfies: (order: Order) => boolean): Promise<Order[]> {
    const response = await fetch(`${shop.url}/api/v1/orders/${order.id}/stream`, {
      headers: { 'x-order-token': String(order.orderToken) },
      signal: AbortSignal.timeout(30_000),
    });
    const seen: Order[] = [];
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1];
        if (data !== undefined) seen.push(JSON.parse(data) as Order);
      }
      if (seen.some(satisfies)) return seen;
    }
    throw new Error(`the stream has ended: ${JSON.stringify(seen)}`);
  }
}
