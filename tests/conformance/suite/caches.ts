import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { Product } from '@stoa/contracts/product';
import { ask } from '../../ask.ts';
import { type TestShop, until } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

const soonMs = 1_000;

/** What was kept is forgotten in time. */
export function caches({ place, test }: Conformance): void {
  let shop: TestShop;
  let product: Product;
  before(async () => {
    ({ shop } = place());
    await shop.stockUp('KEPT', 100, 1_000);
    const { items } = await shop.expect<{ items: Product[] }>(200, 'GET', '/api/v1/products?search=KEPT');
    product = items.find(({ variants }) => variants[0]?.sku === 'KEPT') as Product;
  });

  /** Waits until each gateway shows that; the milliseconds that the slowest took. */
  async function shownEverywhere(path: string, shown: (body: never) => boolean): Promise<number> {
    const startedMs = performance.now();
    await Promise.all(
      place().gateways.map((gateway) =>
        until(
          async () => (await ask<never>(gateway, 'GET', path, {})).body,
          (body) => shown(body),
          soonMs * 2,
        ),
      ),
    );
    return performance.now() - startedMs;
  }

  test('a change of a product is seen through every gateway within a second', async () => {
    const path = `/api/v1/products/${product.slug}`;
    await shownEverywhere(path, ({ title }: Product) => title === 'KEPT');
    await shop.expectAdmin(200, 'PATCH', `/api/v1/products/${product.id}`, { body: { title: 'Another title' } });
    const tookMs = await shownEverywhere(path, ({ title }: Product) => title === 'Another title');
    assert.ok(tookMs <= soonMs * 1.2, `${tookMs} ms`);
  });

  test('a new price is what the next order pays, once a second has passed', async () => {
    const path = `/api/v1/products/${product.slug}`;
    const { body: before } = await shop.place({ items: [{ sku: 'KEPT', quantity: 1 }] }, { waitS: 30 });
    const price = { amount: 1_500, currency: 'EUR' };
    const variants = product.variants.map(({ sku, title, attributes, metadata }) => ({
      sku,
      ...(title && { title }),
      attributes,
      metadata,
      price,
    }));
    await shop.expectAdmin(200, 'PATCH', `/api/v1/products/${product.id}`, { body: { variants } });
    const tookMs = await shownEverywhere(path, (shown: Product) => shown.variants[0]?.price.amount === price.amount);
    assert.ok(tookMs <= soonMs * 1.2, `${tookMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, soonMs - tookMs)));
    const { body: after } = await shop.place({ items: [{ sku: 'KEPT', quantity: 1 }] }, { waitS: 30 });
    return [before, after].map(({ totals }) => totals.subtotal.amount);
  });

  test('what was sold is no longer shown as available within a second', async () => {
    const path = '/api/v1/inventory/KEPT';
    const { available } = await shop.expect<{ available: number }>(200, 'GET', path);
    await shop.place({ items: [{ sku: 'KEPT', quantity: 5 }] }, { waitS: 30 });
    const tookMs = await shownEverywhere(path, (shown: { available: number }) => shown.available === available - 5);
    assert.ok(tookMs <= soonMs * 1.2, `${tookMs} ms`);
  });
}
