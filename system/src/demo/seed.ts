import { inventoryContract } from '@stoa/contracts/inventory';
import { type Product, productContract } from '@stoa/contracts/product';
import type { Logger } from '@stoa/platform/telemetry';
import type { Admin } from '../admin.ts';
import { type DemoProduct, demoCategories, demoProducts } from './catalogue.ts';

export interface SeedOptions {
  readonly url: string;
  readonly admin: Pick<Admin, 'email' | 'password'>;
  readonly log: Logger;
}

const atOnce = 8;

/**
 * Fills a shop with demo products and their stock, through the public API as any merchandiser would. What a seeding that was cut off left behind is
 * completed; a shop that has a product of its own, or had all of the demo before, is left alone.
 *
 * @returns whether something was put in
 */
export async function seedDemo({ url, admin, log }: SeedOptions): Promise<boolean> {
  const ask = await signIn(url, admin);
  if ((await hasOwnProducts(ask)) || (await isStocked(ask, lastSku))) return false;
  for (const { slug, title } of demoCategories)
    await ask('POST', productContract.operations.createCategory.path, { slug, title });
  const products = demoProducts.slice(0, -1);
  const work = async (): Promise<void> => {
    for (let product = products.shift(); product; product = products.shift()) await add(ask, product);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  // Alone and at the end: once it is stocked everything is.
  await add(ask, lastProduct);
  log.info({ products: demoProducts.length }, 'the demo shop has been filled');
  return true;
}

/** A shop without its demo is a shop: the admin may have another password by now than the one it was opened with. */
export function demoFailed(log: Logger): (error: unknown) => void {
  return (error) => log.warn({ err: error }, 'the demo could not be seeded; the shop is open all the same');
}

const lastProduct = demoProducts.at(-1) as DemoProduct;
const lastSku = lastProduct.variants.at(-1)?.sku ?? '';

async function add(ask: Ask, product: DemoProduct): Promise<void> {
  const variants = product.variants.map(({ stock: _stock, title, ...variant }) => ({
    ...variant,
    ...(title && { title }),
  }));
  const made = await ask('POST', productContract.operations.createProduct.path, {
    ...product,
    variants,
    status: 'active',
  });
  for (const { sku, stock } of product.variants) {
    // Keys are kept for a week only, the ledger for ever: a seeding may be completed much later.
    if (made === undefined && (await isStocked(ask, sku))) continue;
    const path = inventoryContract.operations.adjustStock.path.replace(':sku', encodeURIComponent(sku));
    const opening = { kind: 'received', quantity: stock, reason: 'opening stock of the demo' };
    await ask('POST', path, opening, `demo:stock:${sku}`);
  }
}

/** Whether somebody has put in products beside those of the demo. There are fewer of these than one page holds. */
async function hasOwnProducts(ask: Ask): Promise<boolean> {
  const page = await ask('GET', `${productContract.operations.listProducts.path}?limit=100`);
  const skus = new Set(demoProducts.flatMap(({ variants }) => variants.map(({ sku }) => sku)));
  return ((page?.items ?? []) as Product[]).some(({ variants }) => variants.some(({ sku }) => !skus.has(sku)));
}

async function isStocked(ask: Ask, sku: string): Promise<boolean> {
  const path = inventoryContract.operations.getStock.path.replace(':sku', encodeURIComponent(sku));
  return Number((await ask('GET', path))?.received ?? 0) > 0;
}

/** What an earlier seeding has made, or not yet: no answer, and no error. */
const expected: readonly unknown[] = [
  'category.slug-taken',
  'product.sku-taken',
  'product.slug-taken',
  'inventory.not-found',
];

/** @returns undefined where it was made before, or is not there */
type Ask = (method: string, path: string, body?: object, key?: string) => Promise<Record<string, unknown> | undefined>;

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
      if (expected.includes(answer.code)) return undefined;
      if (!response.ok)
        throw new Error(
          `the demo could not be seeded: ${method} ${path} answered ${response.status} ${String(answer.detail)}`,
        );
      return answer;
    };
  const signedIn = await ask(undefined)('POST', '/api/v1/auth/login', { email, password });
  return ask(String(signedIn?.accessToken));
}
