import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImportedProduct } from '@stoa/contracts/product';
import { type KnownCatalogue, planImport } from './import-plan.ts';
import { changeProduct, createProduct } from './product.ts';

let ids = 0;
const making = {
  now: '2026-01-01T00:00:00.000Z',
  newId: () => `00000000-0000-7000-8000-${String(++ids).padStart(12, '0')}`,
};
const eur = (amount: number) => ({ amount, currency: 'EUR' });
const nothing: KnownCatalogue = { products: [], slugs: new Set(), categories: new Map() };
const item = (product: ImportedProduct, line = 2) => ({
  product,
  lines: product.variants.map((_variant, at) => line + at),
});
const mug = createProduct({ slug: 'mug', title: 'Mug', variants: [{ sku: 'MUG', price: eur(100) }] }, 'mug-id', making);
const bowl = createProduct(
  { slug: 'bowl', title: 'Bowl', variants: [{ sku: 'BOWL', price: eur(200) }] },
  'bowl-id',
  making,
);
const known: KnownCatalogue = { ...nothing, products: [mug, bowl], slugs: new Set(['mug', 'bowl']) };

describe('the plan of an import', () => {
  it('creates what is new, with slugs that are free', () => {
    const plan = planImport(
      [
        item({ title: 'Mug', variants: [{ sku: 'm-2', price: eur(1) }] }),
        item({ title: 'Mug', variants: [{ sku: 'm-3', price: eur(1) }] }),
      ],
      known,
      making,
    );
    assert.deepEqual(
      plan.created.map(({ product }) => product.slug),
      ['mug-m-2', 'mug-m-3'],
    );
    assert.deepEqual(plan.counts, { created: 2, updated: 0, unchanged: 0 });
  });

  it('adds a new SKU to the product whose slug it names, and leaves the other variants', () => {
    const plan = planImport([item({ slug: 'mug', variants: [{ sku: 'MUG-L', price: eur(150) }] })], known, making);
    const [changed] = plan.changed;
    assert.deepEqual(
      changed?.product.variants.map(({ sku }) => sku),
      ['MUG', 'MUG-L'],
    );
    assert.equal(changed?.product.version, 2);
  });

  it('is one change however often a product is named, and none when nothing changes', () => {
    const plan = planImport(
      [
        item({ title: 'A', variants: [{ sku: 'MUG' }] }),
        item({ title: 'B', variants: [{ sku: 'mug' }] }),
        item({ title: 'Bowl', variants: [{ sku: 'BOWL', price: eur(200) }] }),
      ],
      known,
      making,
    );
    assert.deepEqual(
      plan.changed.map(({ product }) => [product.title, product.version]),
      [['B', 2]],
    );
    assert.deepEqual(plan.counts, { created: 0, updated: 2, unchanged: 1 });
  });

  it('puts a SKU back on sale that had been removed, under its old id', () => {
    const without = changeProduct(
      createProduct(
        {
          slug: 'set',
          title: 'Set',
          variants: [
            { sku: 'A', price: eur(1) },
            { sku: 'B', price: eur(2) },
          ],
        },
        'set-id',
        making,
      ),
      { variants: [{ sku: 'A', price: eur(1) }] },
      making,
    );
    const plan = planImport([item({ variants: [{ sku: 'B' }] })], { ...nothing, products: [without] }, making);
    const back = plan.changed[0]?.product.variants[1];
    assert.deepEqual([back?.id, back?.price], [without.removed[0]?.id, eur(2)]);
    assert.deepEqual(plan.changed[0]?.removed, []);
  });

  it('rejects what contradicts the catalogue, line by line', () => {
    const reasonsOf = (product: ImportedProduct) =>
      planImport([item(product)], known, making).rejected.map(({ line, reason }) => `${line}: ${reason}`);
    assert.deepEqual(reasonsOf({ variants: [{ sku: 'MUG' }, { sku: 'BOWL' }] }), [
      '2: its SKUs belong to different products',
      '3: its SKUs belong to different products',
    ]);
    assert.match(reasonsOf({ slug: 'bowl', variants: [{ sku: 'MUG' }] })[0] ?? '', /slug belongs to another product/);
    assert.match(reasonsOf({ variants: [{ sku: 'NEW', price: eur(1) }] })[0] ?? '', /title is missing/);
    assert.match(reasonsOf({ title: 'New', variants: [{ sku: 'NEW' }] })[0] ?? '', /price is missing/);
    assert.match(reasonsOf({ category: 'x', variants: [{ sku: 'MUG' }] })[0] ?? '', /category/);
    const many = Array.from({ length: 100 }, (_, at) => ({ sku: `N-${at}`, price: eur(1) }));
    assert.match(reasonsOf({ slug: 'mug', variants: many })[0] ?? '', /more than 100 variants/);
  });

  it('rejects each line once, for the first reason that holds', () => {
    const variants = [{ sku: 'MUG' }, { sku: 'NEW' }, { sku: 'MUG-2', price: eur(1), prices: [eur(2)] }];
    const { rejected, changed } = planImport([item({ variants })], known, making);
    assert.deepEqual(
      rejected.map(({ line }) => line),
      [2, 3, 4],
    );
    assert.deepEqual(changed, []);
  });

  it('imports the variants that have a price when others of a new product have none', () => {
    const plan = planImport(
      [item({ title: 'Half', variants: [{ sku: 'H-1' }, { sku: 'H-2', price: eur(1) }] })],
      nothing,
      making,
    );
    assert.deepEqual(
      plan.created[0]?.product.variants.map(({ sku }) => sku),
      ['H-2'],
    );
    assert.deepEqual(
      plan.rejected.map(({ sku }) => sku),
      ['H-1'],
    );
  });
});
