import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCells, readValue } from './csv-product.ts';

describe('a row of a CSV file', () => {
  it('changes nothing by columns that are absent, and empties by cells that are empty', () => {
    assert.deepEqual(readCells({ sku: ' a-1 ' }), { product: { variants: [{ sku: 'a-1' }] } });
    const emptied = readCells({
      sku: 'A',
      title: '',
      description: '',
      category: '',
      tags: '',
      images: '',
      metadata: '',
      price: '',
      prices: '',
    });
    assert.deepEqual(emptied, {
      product: {
        description: '',
        category: null,
        tags: [],
        images: [],
        metadata: {},
        variants: [{ sku: 'A', prices: [] }],
      },
    });
  });

  it('reads prices digit by digit, in EUR unless a currency is named', () => {
    const priceOf = (price: string, currency?: string) => {
      const reading = readCells({ sku: 'A', price, ...(currency !== undefined && { currency }) });
      return 'product' in reading ? reading.product.variants[0]?.price : reading.reason;
    };
    assert.deepEqual(priceOf('1.1'), { amount: 110, currency: 'EUR' });
    assert.deepEqual(priceOf(' 8.29 ', 'gbp'), { amount: 829, currency: 'GBP' });
    assert.deepEqual(priceOf('150', 'JPY'), { amount: 150, currency: 'JPY' });
    assert.match(String(priceOf('1.005')), /price is no amount of EUR/);
    assert.match(String(priceOf('1e3')), /price is no amount/);
    assert.match(String(priceOf('1', 'XQX')), /currency/);
    assert.match(String(priceOf('-1')), /price/);
  });

  it('takes images as addresses or as JSON', () => {
    const imagesOf = (images: string) => {
      const reading = readCells({ sku: 'A', images });
      return 'product' in reading ? reading.product.images : reading.reason;
    };
    assert.deepEqual(imagesOf('https://a/1.png  /2.png'), ['https://a/1.png', '/2.png']);
    assert.deepEqual(imagesOf('[{"url":"/1.png","alt":"One"}]'), [{ url: '/1.png', alt: 'One' }]);
    assert.match(String(imagesOf('[{')), /images is no JSON array/);
    assert.match(String(imagesOf('ftp://a')), /^images /);
  });

  it('refuses JSON that the database cannot hold, by its column', () => {
    for (const metadata of ['{"a":"\\ud800"}', '{"\\udc00":"a"}', '{"a":"\\u0000"}'])
      assert.deepEqual(readCells({ sku: 'A', metadata }), { reason: 'metadata is no JSON object' });
  });
});

describe('a line of an NDJSON file', () => {
  it('is a product with at least one variant, and nothing unknown', () => {
    assert.deepEqual(readValue({ variants: [{ sku: 'A' }] }), { product: { variants: [{ sku: 'A' }] } });
    for (const value of [
      null,
      [],
      {},
      { variants: [] },
      { variants: [{ sku: 'A' }], id: 'x' },
      { variants: [{ sku: 'A' }, { sku: 'a' }] },
    ]) {
      assert.ok('reason' in readValue(value), JSON.stringify(value));
    }
  });
});
