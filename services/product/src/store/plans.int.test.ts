import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ProductSort } from '@stoa/contracts/product';
import type { Sql } from '@stoa/platform/sql';
import { productTitle } from '../testing/draw-names.ts';
import { type HostedProduct, hostProduct } from '../testing/host-product.ts';
import { countFacets } from './facet-counts.ts';
import type { Filter } from './filter.ts';
import { findPrices } from './price-rows.ts';
import { findProducts } from './product-list.ts';
import { findProduct, ownersOfSkus, ownersOfSlugs, productsAfter } from './product-rows.ts';

const products = 10_000;
let host: HostedProduct;

before(async () => {
  host = await hostProduct('product plans');
  const lines = Array.from({ length: products }, (_, at) =>
    JSON.stringify({
      title: productTitle(at),
      description: 'Made by hand in a small workshop, and packed without plastic.',
      category: `category-${at % 40}`,
      tags: [`tag-${at % 50}`, `tag-${at % 7}`],
      variants: [{ sku: `PLAN-${at}`, price: { amount: 100 + ((at * 7919) % 20_000), currency: 'EUR' } }],
    }),
  );
  const headers = { 'content-type': 'application/x-ndjson' };
  const answer = await host.call('POST', '/api/v1/products/import', {
    as: 'merchandiser',
    body: lines.join('\n'),
    headers,
  });
  assert.match(answer.text, new RegExp(`"created":${products},`));
  // As autovacuum leaves it: new words merged into the search index.
  await host.db.query('vacuum analyze');
});
after(() => host.close());

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: Plan[];
}

/** The steps of the plans of whatever `ask` sends, and how long it took. */
async function planOf(ask: (sql: Sql) => Promise<unknown>): Promise<{ scanned: string[]; ms: number }> {
  const scanned: string[] = [];
  let ms = 0;
  const visit = (plan: Plan) => {
    if (plan['Node Type'] === 'Seq Scan') scanned.push(plan['Relation Name'] ?? '');
    for (const below of plan.Plans ?? []) visit(below);
  };
  const explaining: Sql = {
    query: async (text, values) => {
      type Explained = { 'QUERY PLAN': [{ Plan: Plan; 'Execution Time': number }] };
      const [row] = await host.db.query<Explained>(`explain (analyze, format json) ${text}`, values);
      assert.ok(row);
      visit(row['QUERY PLAN'][0].Plan);
      ms += row['QUERY PLAN'][0]['Execution Time'];
      return [];
    },
  };
  await ask(explaining);
  return { scanned, ms };
}

const id = '0190f1e0-0000-7000-8000-000000000000';
const list =
  (filter: Partial<Filter>, sort: ProductSort, after?: { value: string | number; id: string }) => (sql: Sql) =>
    findProducts(sql, { filter: { statuses: ['active'], ...filter }, sort, after, limit: 21 });

const asked: Record<string, (sql: Sql) => Promise<unknown>> = {
  'one by id': (sql) => findProduct(sql, 'id', id),
  'one by slug': (sql) => findProduct(sql, 'slug', 'amber-bowl-0'),
  'prices of 50 SKUs': (sql) =>
    findPrices(
      sql,
      Array.from({ length: 50 }, (_, at) => `PLAN-${at}`),
    ),
  'owners of SKUs': (sql) => ownersOfSkus(sql, ['PLAN-1', 'PLAN-2']),
  'owners of slugs': (sql) => ownersOfSlugs(sql, ['amber-bowl-0']),
  'a page of the export': (sql) => productsAfter(sql, id, 200),
  'the newest': list({}, 'newest'),
  'the newest, a later page': list({}, 'newest', { value: 0, id: 'ffffffff-0000-7000-8000-000000000000' }),
  'by title': list({}, 'title'),
  'by title, a later page': list({}, 'title', { value: 'golden', id }),
  'by price': list({}, 'price'),
  'by price from above, a later page': list({ currency: 'EUR' }, '-price', { value: 900, id }),
  'by price within limits': list({ minPrice: 1000, maxPrice: 2000 }, 'price'),
  'the newest within limits of price': list({ minPrice: 1000, maxPrice: 1100 }, 'newest'),
  'of a category': list({ category: 'category-3' }, 'newest'),
  'of a tag': list({ tag: 'tag-31' }, 'title'),
  'by a rare word': list({ search: '4711' }, 'relevance'),
  'by a word half typed': list({ search: 'teapot 47' }, 'relevance'),
};

describe('of 10,000 products', () => {
  for (const [what, ask] of Object.entries(asked)) {
    it(`${what} is found by an index`, async () => {
      const { scanned } = await planOf(ask);
      assert.deepEqual(
        scanned.filter((table) => table !== 'category'),
        [],
      );
    });
  }

  it('a word that every product has, and the facets of everything, are counted in less than 250 ms', async () => {
    const common = await planOf(list({ search: 'workshop' }, 'relevance'));
    const facets = await planOf((sql) => countFacets(sql, { statuses: ['active'] }));
    assert.ok(common.ms < 250 && facets.ms < 250, `${common.ms} ms, ${facets.ms} ms`);
  });
});
