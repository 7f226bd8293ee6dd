import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Product, ProductFacets } from '@stoa/contracts/product';
import { productTitle } from './testing/draw-names.ts';
import { type HostedProduct, hostProduct } from './testing/host-product.ts';

let host: HostedProduct;

const eur = (amount: number) => ({ amount, currency: 'EUR' });

async function importAll(products: object[]): Promise<void> {
  const body = products.map((product) => JSON.stringify(product)).join('\n');
  const answer = await host.call('POST', '/api/v1/products/import', {
    as: 'merchandiser',
    body,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  assert.match(answer.text, new RegExp(`"type":"summary".*"created":${products.length},`));
}

async function list(query: string, as?: 'merchandiser' | 'customer') {
  const answer = await host.call('GET', `/api/v1/products${query}`, as ? { as } : {});
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}
const titles = async (query: string, as?: 'merchandiser') => (await list(query, as)).items.map(({ title }) => title);

/** Follows the cursors to the end of a list; `between` runs after each page. */
async function walk(
  query: string,
  between: (page: number) => Promise<void> = async () => undefined,
): Promise<Product[]> {
  const seen: Product[] = [];
  let cursor: string | null = null;
  for (let page = 1; ; page++) {
    const body: { items: Product[]; nextCursor: string | null } = await list(
      `${query}${cursor ? `&cursor=${cursor}` : ''}`,
    );
    seen.push(...body.items);
    cursor = body.nextCursor;
    if (cursor === null) return seen;
    await between(page);
  }
}

before(async () => {
  host = await hostProduct('product lists');
  const category = async (title: string, parentId?: string) =>
    (
      await host.call('POST', '/api/v1/categories', {
        as: 'merchandiser',
        body: { title, ...(parentId && { parentId }) },
      })
    ).body.id;
  const home = await category('Home');
  await category('Kitchen', home);
  await category('Garden');
  await importAll([
    {
      title: 'Stoneware teapot',
      description: 'Holds a litre of tea.',
      category: 'kitchen',
      tags: ['tea', 'ceramic'],
      variants: [{ sku: 'POT-1', price: eur(4500), prices: [{ amount: 3900, currency: 'GBP' }] }],
    },
    {
      title: 'Porcelain mugs',
      description: 'A pair, for coffee or tea.',
      category: 'kitchen',
      tags: ['ceramic'],
      variants: [
        { sku: 'MUG-S', title: 'Small', price: eur(1500) },
        { sku: 'MUG-L', title: 'Large', price: eur(1900), attributes: { colour: 'Ochre' } },
      ],
    },
    {
      title: 'Organic cotton throw',
      description: '',
      category: 'home',
      tags: ['cotton'],
      variants: [{ sku: 'THR-9', price: eur(8900) }],
    },
    { title: 'Étagère', category: 'home', variants: [{ sku: 'ETA-1', price: { amount: 12000, currency: 'GBP' } }] },
    { title: 'Watering can', category: 'garden', variants: [{ sku: 'CAN-1', price: eur(2600) }] },
    { title: 'Secret teapot', status: 'draft', category: 'kitchen', variants: [{ sku: 'SEC-1', price: eur(1) }] },
    { title: 'Old teapot', status: 'archived', category: 'kitchen', variants: [{ sku: 'OLD-1', price: eur(2) }] },
  ]);
});
after(() => host.close());

describe('searching', () => {
  for (const [search, expected] of Object.entries({
    teapot: ['Stoneware teapot'],
    mug: ['Porcelain mugs'],
    'porcelain mugs': ['Porcelain mugs'],
    tea: ['Stoneware teapot', 'Porcelain mugs'],
    organi: ['Organic cotton throw'],
    can: ['Watering can'],
    'stoneware teap': ['Stoneware teapot'],
    'pot-1': ['Stoneware teapot'],
    'THR-9': ['Organic cotton throw'],
    ochre: ['Porcelain mugs'],
    'tea -porcelain': ['Stoneware teapot'],
    '"litre of tea"': ['Stoneware teapot'],
    'throw or watering': ['Watering can', 'Organic cotton throw'],
    'nothing like it': [],
    "'; drop table product; --": [],
    '!!! & | <-> :*': [],
    the: [],
  })) {
    it(`finds ${expected.length === 0 ? 'nothing' : expected.join(' and ')} by ${search}`, async () => {
      const found = await titles(`?search=${encodeURIComponent(search)}`);
      assert.deepEqual(found.toSorted(), expected.toSorted());
    });
  }

  it('puts a product with the word in its title before one with it in its description', async () => {
    assert.deepEqual(await titles('?search=tea'), ['Stoneware teapot', 'Porcelain mugs']);
  });
});

describe('filtering', () => {
  for (const [query, expected] of Object.entries({
    '?category=kitchen': ['Porcelain mugs', 'Stoneware teapot'],
    '?category=home': ['Organic cotton throw', 'Porcelain mugs', 'Stoneware teapot', 'Étagère'],
    '?category=nowhere': [],
    '?tag=ceramic': ['Porcelain mugs', 'Stoneware teapot'],
    '?tag=ceramic&search=tea&category=home&maxPrice=2000': ['Porcelain mugs'],
    '?minPrice=2600&maxPrice=4500': ['Stoneware teapot', 'Watering can'],
    '?currency=GBP': ['Stoneware teapot', 'Étagère'],
    '?currency=GBP&maxPrice=4000': ['Stoneware teapot'],
    '?currency=USD': [],
  })) {
    it(`by ${query} leaves ${expected.length}`, async () =>
      assert.deepEqual((await titles(query)).toSorted(), expected.toSorted()));
  }

  it('shows drafts to merchandisers, archived products when they name them, and neither to others', async () => {
    assert.deepEqual(await titles('?search=teapot&sort=title', 'merchandiser'), ['Secret teapot', 'Stoneware teapot']);
    assert.deepEqual(await titles('?status=archived', 'merchandiser'), ['Old teapot']);
    assert.equal((await host.call('GET', '/api/v1/products?status=draft', { as: 'customer' })).status, 403);
    assert.equal((await host.call('GET', '/api/v1/products?status=draft')).status, 403);
    const staffs = await host.call('GET', '/api/v1/products', { as: 'merchandiser' });
    assert.equal(staffs.headers.get('cache-control'), 'no-store');
    assert.match((await host.call('GET', '/api/v1/products')).headers.get('cache-control') ?? '', /s-maxage=1\b/);
  });
});

describe('sorting', () => {
  for (const [query, expected] of Object.entries({
    '?sort=title': ['Étagère', 'Organic cotton throw', 'Porcelain mugs', 'Stoneware teapot', 'Watering can'],
    '?sort=price&currency=EUR': ['Porcelain mugs', 'Watering can', 'Stoneware teapot', 'Organic cotton throw'],
    '?sort=-price&currency=GBP': ['Étagère', 'Stoneware teapot'],
    '?sort=newest': ['Watering can', 'Étagère', 'Organic cotton throw', 'Porcelain mugs', 'Stoneware teapot'],
    '?sort=relevance': ['Watering can', 'Étagère', 'Organic cotton throw', 'Porcelain mugs', 'Stoneware teapot'],
    '?sort=price&search=tea': ['Porcelain mugs', 'Stoneware teapot'],
  })) {
    it(`by ${query}`, async () => assert.deepEqual(await titles(query), expected));
  }
});

describe('facets', () => {
  const facets = async (query: string): Promise<ProductFacets> => (await list(`?facets=true${query}`)).facets;

  it('count what each further choice would leave, categories with those below them', async () => {
    const found = await facets('');
    assert.equal(found.total, 5);
    assert.deepEqual(found.categories, [
      { value: 'home', title: 'Home', count: 4 },
      { value: 'kitchen', title: 'Kitchen', count: 2 },
      { value: 'garden', title: 'Garden', count: 1 },
    ]);
    assert.deepEqual(found.tags, [
      { value: 'ceramic', count: 2 },
      { value: 'cotton', count: 1 },
      { value: 'tea', count: 1 },
    ]);
    assert.deepEqual(found.prices, [
      { currency: 'EUR', min: 1500, max: 8900, count: 4 },
      { currency: 'GBP', min: 12000, max: 12000, count: 1 },
    ]);
  });

  it("leave out their own filter, so that one can change one's mind", async () => {
    const found = await facets('&category=kitchen&tag=tea&maxPrice=5000');
    assert.equal(found.total, 1);
    const elsewhere = await facets('&category=garden');
    assert.deepEqual([elsewhere.total, elsewhere.categories.map(({ count }) => count)], [1, [4, 2, 1]]);
    assert.deepEqual(
      found.categories.map(({ value, count }) => [value, count]),
      [
        ['home', 1],
        ['kitchen', 1],
      ],
    );
    assert.deepEqual(found.tags, [
      { value: 'ceramic', count: 2 },
      { value: 'tea', count: 1 },
    ]);
  });

  it('are absent unless asked for', async () => assert.equal((await list('')).facets, undefined));
});

describe('paging through a list', () => {
  const extra = (at: number, prefix = 'X') => ({
    title: productTitle(at),
    category: 'paged',
    tags: [`n${at % 3}`],
    variants: [{ sku: `${prefix}-${at}`, price: eur(100 + (at % 7)) }],
  });

  for (const sort of ['newest', 'title', 'price', '-price', 'relevance']) {
    it(`shows each product once, sorted by ${sort}, while others are added`, async () => {
      const prefix = `P${sort.replace('-', 'D').toUpperCase()}`;
      const category = `paged-${sort.replace('-', 'd')}`;
      const product = (at: number) => ({
        ...extra(at, prefix),
        category,
        title: sort === 'relevance' ? `glazed ${productTitle(at)}` : productTitle(at),
      });
      await importAll(Array.from({ length: 60 }, (_, at) => product(at)));
      const query = `?category=${category}&sort=${sort}&limit=7${sort === 'relevance' ? '&search=glazed' : ''}`;
      const quiet = (await walk(query)).map(({ variants }) => variants[0]?.sku);
      assert.equal(new Set(quiet).size, 60);
      assert.equal(quiet.length, 60);
      let added = 1000;
      const seen = (await walk(query, () => importAll(Array.from({ length: 5 }, () => product(++added))))).map(
        ({ variants }) => variants[0]?.sku,
      );
      assert.equal(new Set(seen).size, seen.length);
      assert.deepEqual(
        seen.filter((sku) => Number(sku?.split('-')[1]) < 1000),
        quiet,
      );
    });
  }

  it('refuses a cursor of another sort, and one that it never gave', async () => {
    const { nextCursor } = await list('?sort=title&limit=1');
    const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const id = '0190f1e0-0000-7000-8000-000000000000';
    for (const cursor of [
      nextCursor,
      'x',
      '%20',
      made(['newest']),
      made(['newest', 0, "' or 1=1"]),
      made({}),
      made(['newest', 'x', id]),
      'A'.repeat(600),
    ]) {
      const answer = await host.call('GET', `/api/v1/products?sort=newest&cursor=${cursor}`);
      assert.deepEqual([answer.status, answer.body.code], [400, 'request.invalid'], `${cursor}`);
    }
    assert.equal(
      (await host.call('GET', `/api/v1/products?sort=newest&cursor=${made(['newest', 0, id])}`)).status,
      200,
    );
  });

  for (const query of [
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=x',
    'sort=cheapest',
    'minPrice=-1',
    'minPrice=1e3',
    'currency=eur',
    'unknown=1',
    'facets=yes',
    'search=',
    'tag=a&tag=b',
    'search=%00',
    'maxPrice=99999999999999999999',
  ]) {
    it(`refuses ${query}`, async () => {
      const answer = await host.call('GET', `/api/v1/products?${query}`);
      assert.deepEqual([answer.status, answer.body.code], [400, 'request.invalid'], answer.text);
    });
  }
});
