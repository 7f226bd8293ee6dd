import type { ShopApi } from './shop-api.ts';

export interface BenchProduct {
  readonly slug: string;
  readonly sku: string;
  readonly category: string;
}

const categories = ['lamps', 'chairs', 'bowls', 'clocks', 'rugs', 'books', 'toys', 'plants', 'frames', 'mugs'];
const words = ['quiet', 'bright', 'northern', 'folding', 'hand-made', 'little', 'striped', 'heavy', 'old', 'round'];

/** Fills a shop with products of one variant through its import, and with `units` of stock of each, if any. */
export async function fillShop(as: ShopApi, count: number, units = 0): Promise<readonly BenchProduct[]> {
  const products = Array.from({ length: count }, (_, n) => {
    const category = categories[n % categories.length] ?? 'lamps';
    const word = words[Math.floor(n / categories.length) % words.length];
    return {
      slug: `bench-${n}`,
      title: `A ${word} thing number ${n} for ${category}`,
      description: `Made for measuring. ${'It is well described, as goods in a shop are. '.repeat(5)}`,
      status: 'active',
      category,
      tags: [`tag-${n % 7}`, `tag-${n % 11}`],
      variants: [{ sku: `BENCH-${n}`, price: { amount: 500 + ((n * 37) % 9_000), currency: 'EUR' } }],
    };
  });
  const lines = products.map((product) => JSON.stringify(product)).join('\n');
  const report = await as.ask<string>('POST', '/api/v1/products/import', lines, {
    'content-type': 'application/x-ndjson',
  });
  const summary = JSON.parse(report.trim().split('\n').at(-1) ?? '{}') as { created?: number };
  if (summary.created !== count)
    throw new Error(`the import made ${summary.created} of ${count} products: ${report.slice(-500)}`);
  if (units > 0)
    await receiveStock(
      as,
      products.map(({ variants }) => variants[0]?.sku ?? ''),
      units,
    );
  return products.map(({ slug, category, variants }) => ({ slug, category, sku: variants[0]?.sku ?? '' }));
}

async function receiveStock(as: ShopApi, skus: readonly string[], quantity: number): Promise<void> {
  const waiting = [...skus];
  const work = async () => {
    for (let sku = waiting.pop(); sku !== undefined; sku = waiting.pop()) {
      const body = { kind: 'received', quantity, reason: 'for the bench' };
      await as.ask('POST', `/api/v1/inventory/${sku}/adjustments`, body, { 'idempotency-key': `bench:${sku}` });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}
