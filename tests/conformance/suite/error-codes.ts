import { before } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import type { Product } from '@stoa/contracts/product';
import { newId } from '@stoa/platform/ids';
import type { AskOptions } from '../../ask.ts';
import { address, type TestShop } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

/** How the shop says no: the same words, whether a service was asked by its neighbour or through three sockets. */
export function errorCodes({ place, test }: Conformance): void {
  let shop: TestShop;
  let product: Product;
  let order: Order;
  before(async () => {
    ({ shop } = place());
    await shop.stockUp('REFUSED', 10);
    const { items } = await shop.expectAdmin<{ items: Product[] }>(200, 'GET', '/api/v1/products?search=REFUSED');
    product = items[0] as Product;
    ({ body: order } = await shop.place({ items: [{ sku: 'REFUSED', quantity: 2 }] }, { waitS: 30 }));
    await shop.orderWhen(order.id, ({ payment }) => payment.captured.amount > 0);
  });

  const none = '01a1fbc4-d390-71d6-85d6-c33d57342000';

  /** The whole problem, without what is of this request alone. */
  async function problemOf(method: string, path: string, options: AskOptions): Promise<unknown> {
    const { status, body, headers } = await shop.asAdmin<Record<string, unknown>>(method, path, options);
    const { traceId, ...problem } = body;
    const told = ['content-type', 'www-authenticate', 'retry-after', 'allow'].flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [`${name}: ${value}`];
    });
    return { status, hasTraceId: typeof traceId === 'string', told, problem };
  }

  test('what is wrong with a request is said with every place of it', async () => [
    await problemOf('POST', '/api/v1/orders', { key: newId(), body: { items: [{ sku: 7 }], extra: true } }),
    await problemOf('POST', '/api/v1/products', { body: { title: '', variants: 'none' } }),
    await problemOf('GET', '/api/v1/orders?limit=0&colour=red', {}),
    await problemOf('GET', '/api/v1/orders/no-id', {}),
    await problemOf('POST', '/api/v1/orders', { body: { items: [], paymentToken: 'tok_approved' } }),
    await problemOf('GET', '/api/v1/nothing', {}),
    await problemOf('DELETE', '/api/v1/dashboard', {}),
  ]);

  test('what is not there is not there', async () => [
    await problemOf('GET', `/api/v1/orders/${none}`, {}),
    await problemOf('GET', `/api/v1/payments/${none}`, {}),
    await problemOf('GET', '/api/v1/products/nothing-of-the-kind', {}),
    await problemOf('GET', '/api/v1/inventory/NOTHING', {}),
    await problemOf('GET', `/api/v1/users/${none}`, {}),
    await problemOf('GET', `/api/v1/ops/sagas/${none}`, {}),
    await problemOf('GET', `/api/v1/ops/traces/${'0'.repeat(31)}1`, {}),
  ]);

  test('a refusal of a service comes out with its code', async () => [
    await problemOf('POST', '/api/v1/products', {
      body: { title: 'Twin', variants: [{ sku: 'REFUSED', price: { amount: 1, currency: 'EUR' } }] },
    }),
    await problemOf('PATCH', `/api/v1/products/${product.id}`, {
      headers: { 'if-match': '"0"' },
      body: { title: 'x' },
    }),
    await problemOf('POST', '/api/v1/inventory/REFUSED/adjustments', {
      key: newId(),
      body: { kind: 'damaged', quantity: 1_000, reason: 'a flood' },
    }),
    await problemOf('POST', '/api/v1/auth/login', {
      body: { email: 'nobody@shop.example', password: 'wrong password' },
    }),
  ]);

  test('so does one that another service is asked about', async () => {
    const { user, accessToken } = await shop.expect<{ user: { id: string }; accessToken: string }>(
      201,
      'POST',
      '/api/v1/auth/register',
      { body: { email: `${newId()}@customer.example`, password: 'a long enough password', name: 'A Customer' } },
    );
    await shop.expectAdmin(200, 'PATCH', `/api/v1/users/${user.id}`, { body: { active: false } });
    const body = { items: [{ sku: 'REFUSED', quantity: 1 }], shippingAddress: address, paymentToken: 'tok_approved' };
    const change = async (changed: object) =>
      problemOf('POST', '/api/v1/orders', { key: newId(), body: { ...body, ...changed } });
    return [
      await change({ items: [{ sku: 'NOBODY-HAS-IT', quantity: 1 }] }),
      await change({ expectedTotal: { amount: 1, currency: 'EUR' } }),
      await change({ shippingMethod: 'by-pigeon' }),
      await change({ customerId: user.id }),
      await problemOf('POST', '/api/v1/orders', { key: newId(), token: accessToken, body }),
      await problemOf('POST', `/api/v1/orders/${order.id}/refunds`, {
        key: newId(),
        headers: { prefer: 'wait=30' },
        body: { amount: { amount: order.totals.total.amount + 1, currency: 'EUR' }, reason: 'too much' },
      }),
    ];
  });

  test('an order that cannot be had says so in the order', async () => {
    const { status, body } = await shop.place({ items: [{ sku: 'REFUSED', quantity: 1_000 }] }, { waitS: 30 });
    return [status, body.status, body.failure];
  });
}
