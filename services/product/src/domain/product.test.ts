import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  changeProduct,
  createProduct,
  keywordsOf,
  lineTitle,
  lowestPrices,
  titleKey,
  variantViolations,
} from './product.ts';

let ids = 0;
const making = { now: '2026-01-01T00:00:00.000Z', newId: () => `id-${++ids}` };
const later = { ...making, now: '2026-01-02T00:00:00.000Z' };
const eur = (amount: number) => ({ amount, currency: 'EUR' });
const gbp = (amount: number) => ({ amount, currency: 'GBP' });
const shirt = () =>
  createProduct(
    {
      slug: 'shirt',
      title: 'Shirt',
      variants: [
        { sku: 's-1', price: eur(20) },
        { sku: 'S-2', price: eur(10) },
      ],
    },
    'p',
    making,
  );

describe('a new product', () => {
  it('keeps SKUs in upper case, is on sale unless it says otherwise, and starts at version 1', () => {
    const { product, removed } = shirt();
    assert.deepEqual(
      product.variants.map(({ sku }) => sku),
      ['S-1', 'S-2'],
    );
    assert.deepEqual([product.status, product.version, product.createdAt, removed], ['active', 1, making.now, []]);
  });
});

describe('changing a product', () => {
  it('is no change when nothing is different, whatever the order of its metadata', () => {
    const stored = createProduct(
      { slug: 'a', title: 'A', metadata: { x: '1', y: '2' }, variants: [{ sku: 'A', price: eur(1) }] },
      'p',
      making,
    );
    assert.equal(changeProduct(stored, { title: ' A ', metadata: { y: '2', x: '1' } }, later), stored);
    assert.equal(changeProduct(stored, {}, later), stored);
  });

  it('keeps the ids of variants by SKU, and remembers those that are left out', () => {
    const before = shirt();
    const [one, two] = before.product.variants;
    const after = changeProduct(
      before,
      {
        variants: [
          { sku: 'S-3', price: eur(5) },
          { sku: 's-2', price: eur(11) },
        ],
      },
      later,
    );
    assert.equal(after.product.variants[1]?.id, two?.id);
    assert.deepEqual(after.removed, [one]);
    assert.deepEqual([after.product.version, after.product.updatedAt], [2, later.now]);
    const back = changeProduct(after, { variants: [{ sku: 'S-1', price: eur(20) }] }, later);
    assert.equal(back.product.variants[0]?.id, one?.id);
    assert.deepEqual(back.removed.map(({ sku }) => sku).toSorted(), ['S-2', 'S-3']);
  });

  it('takes the product out of its category by null, and leaves it there by nothing', () => {
    const stored = createProduct(
      { slug: 'a', title: 'A', category: 'c', variants: [{ sku: 'A', price: eur(1) }] },
      'p',
      making,
    );
    assert.equal(changeProduct(stored, { title: 'B' }, later).product.category, 'c');
    assert.equal(changeProduct(stored, { category: null }, later).product.category, null);
  });
});

describe('the variants of a request', () => {
  it('contradict each other when a SKU or a currency is given twice', () => {
    const violations = variantViolations([
      { sku: 'a', price: eur(1), prices: [gbp(1), gbp(2)] },
      { sku: 'A', price: eur(1), prices: [eur(1)] },
    ]);
    assert.deepEqual(
      violations.map(({ path }) => path),
      ['/variants/0/prices/1', '/variants/1/sku', '/variants/1/prices/0'],
    );
    assert.deepEqual(variantViolations([{ sku: 'a', price: eur(1), prices: [gbp(1)] }]), []);
  });
});

describe('the prices of a product in lists', () => {
  it('are its lowest in each currency, that of the first variant being the main one', () => {
    const { product } = createProduct(
      {
        slug: 'a',
        title: 'A',
        variants: [
          { sku: 'A', price: eur(20), prices: [gbp(9)] },
          { sku: 'B', price: gbp(5), prices: [eur(30)] },
        ],
      },
      'p',
      making,
    );
    assert.deepEqual(lowestPrices(product), [
      { price: eur(20), main: true },
      { price: gbp(5), main: false },
    ]);
  });
});

describe('titles', () => {
  it('sort without case, accents and leading marks', () => {
    const sorted = ['Zebra', '“Bowl”', 'éclair', 'Apple', 'ángel'].toSorted((a, b) =>
      titleKey(a) < titleKey(b) ? -1 : 1,
    );
    assert.deepEqual(sorted, ['ángel', 'Apple', '“Bowl”', 'éclair', 'Zebra']);
    assert.ok(titleKey('😀'.repeat(200)).isWellFormed());
  });

  it('of lines name the variant when there is more than one form', () => {
    assert.equal(lineTitle('Mug', ''), 'Mug');
    assert.equal(lineTitle('Mug', 'Blue'), 'Mug – Blue');
  });

  it('are found together with tags, SKUs and attributes, and never by more than search can hold', () => {
    const variants = [{ sku: 'a-1', title: 'Blue', price: eur(1), attributes: { size: 'M' } }];
    const { product } = createProduct({ slug: 'a', title: 'A', category: 'c', tags: ['t'], variants }, 'p', making);
    assert.equal(keywordsOf(product), 'c\nt\nA-1\nBlue\nM');
    assert.equal(keywordsOf({ ...product, tags: ['x'.repeat(50_000)] }).length, 20_000);
  });
});
