import { inventoryContract } from '@stoa/contracts/inventory';
import { productContract } from '@stoa/contracts/product';
import type { Logger } from '@stoa/platform/telemetry';
import type { Admin } from '../admin.ts';
import { demoCategories, demoProducts } from './catalogue.ts';

export interface SeedOptions {
  readonly url: string;
  readonly admin: Pick<Admin, 'email' | 'password'>;
  readonly log: Logger;
}

const atOnce = 8;

/** Fills an empty shop with demo products and their stock, through the public API as any merchandiser would. Does nothing to a shop that has products. */
export async function seedDemo({ url, admin, log }: SeedOptions): Promise<void> {
  const ask = await signIn(url, admin);
  const { items } = await ask('GET', `${productContract.operations.listProducts.path}?limit=1`);
  if ((items as unknown[]).length > 0) return;
  for (const { slug, title } of demoCategories)
    await ask('POST', productContract.operations.createCategory.path, { slug, title });
  const products = [...demoProducts];
  const work = async (): Promise<void> => {
    for (let product = products.shift(); product; product = products.shift()) {
      const variants = product.variants.map(({ stock: _stock, title, ...variant }) => ({
        ...variant,
        ...(title && { title }),
      }));
      await ask('POST', productContract.operations.createProduct.path, { ...product, variants, status: 'active' });
      for (const { sku, stock } of product.variants) {
        const path = inventoryContract.operations.adjustStock.path.replace(':sku', encodeURIComponent(sku));
        await ask(
          'POST',
          path,
          { kind: 'received', quantity: stock, reason: 'opening stock of the demo' },
          `demo:stock:${sku}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  log.info({ products: demoProducts.length }, 'the demo shop has been filled');
}

type Ask = (method: string, path: string, body?: object, key?: string) => Promise<Record<string, unknown>>;

async function signIn(url: string, { email, password }: SeedOptions['admin']): Promise<Ask> {
  const ask =
    (token: string | undefined): Ask =>
    async (method, path, body, key) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...(key && { 'idempotency-key': key }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      if (!response.ok)
        throw new Error(
          `the demo could not be seeded: ${method} ${path} answered ${response.status} ${String(answer.detail)}`,
        );
      return answer;
    };
  const { accessToken } = await ask(undefined)('POST', '/api/v1/auth/login', { email, password });
  return ask(String(accessToken));
}
