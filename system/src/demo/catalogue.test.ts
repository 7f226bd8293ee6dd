import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProductInput } from '@stoa/contracts/product';
import { validatorOf } from '@stoa/platform/schema';
import { demoCategories, demoProducts } from './catalogue.ts';

describe('the demo catalogue', () => {
  it('has at least sixty products in six categories, each in one that exists', () => {
    assert.ok(demoProducts.length >= 60, `${demoProducts.length}`);
    assert.equal(demoCategories.length, 6);
    const slugs = new Set(demoProducts.map(({ category }) => category));
    assert.deepEqual([...slugs].toSorted(), demoCategories.map(({ slug }) => slug).toSorted());
  });

  it('gives every variant a SKU of its own, a price and some stock', () => {
    const variants = demoProducts.flatMap((product) => product.variants);
    assert.equal(new Set(variants.map(({ sku }) => sku.toUpperCase())).size, variants.length);
    for (const { sku, price, stock } of variants) {
      assert.ok(price.amount > 0 && Number.isSafeInteger(price.amount), sku);
      assert.ok(stock > 0 && Number.isSafeInteger(stock), sku);
    }
    assert.equal(new Set(demoProducts.map(({ title }) => title)).size, demoProducts.length);
  });

  it('is what the product service takes', () => {
    const input = validatorOf(ProductInput);
    for (const product of demoProducts) {
      const variants = product.variants.map(({ stock: _stock, ...variant }) => variant);
      assert.deepEqual(input.violations({ ...product, variants }), [], product.title);
    }
  });
});
