import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classify, type RawLine } from './classify.ts';

const sale: RawLine = {
  invoice: '536365',
  code: '85123a',
  description: 'WHITE HANGING HEART',
  quantity: '6',
  date: '2010-12-01 08:26:00',
  price: '2.55',
  customer: '17850.0',
};
const back: RawLine = { ...sale, invoice: 'C536379', quantity: '-2' };

function reasonOf(raw: RawLine | undefined): string {
  const line = classify(raw);
  return line.kind === 'rejected' ? line.reason : line.kind;
}

describe('a line of the file', () => {
  it('is a sale with its code in upper case, its price in pence and its customer without the decimal', () => {
    assert.deepEqual(classify(sale), {
      kind: 'sale',
      invoice: '536365',
      sku: '85123A',
      description: 'WHITE HANGING HEART',
      quantity: 6,
      unitPrice: 255,
      customer: '17850',
      atMs: Date.UTC(2010, 11, 1, 8, 26),
    });
  });

  it('is a sale to a guest where the customer is missing', () => {
    const line = classify({ ...sale, customer: '' });
    assert.equal(line.kind === 'sale' && line.customer, '');
  });

  it('is a return with its units above zero', () => {
    const {
      description: _description,
      unitPrice: _unitPrice,
      ...rest
    } = classify(sale) as Extract<ReturnType<typeof classify>, { kind: 'sale' }>;
    assert.deepEqual(classify(back), { ...rest, kind: 'return', invoice: 'C536379', quantity: 2 });
  });

  for (const code of ['22139', '15056bl', 'DCGS0003', 'dcgs0003', 'gift_0001_40', 'GIFT_0001_40']) {
    it(`sells ${code}, which is goods`, () => assert.equal(reasonOf({ ...sale, code }), 'sale'));
  }

  for (const code of ['POST', 'D', 'm', 'DOT', 'BANK CHARGES', 'AMAZONFEE', 'C2', 'gift', 'DCG']) {
    it(`does not sell ${code}, which is no goods`, () => assert.equal(reasonOf({ ...sale, code }), 'not-goods'));
  }

  const malformed: readonly [string, Partial<RawLine>][] = [
    ['an invoice', { invoice: ' ' }],
    ['a code', { code: '' }],
    ['a code that can be an SKU', { code: '22139 X' }],
    ['a whole quantity', { quantity: '1.5' }],
    ['a quantity that is a number', { quantity: 'six' }],
    ['a quantity', { quantity: '' }],
    ['a quantity within the bounds of an order', { quantity: '1000001' }],
    ['a price', { price: '' }],
    ['a price that is a number', { price: '£2' }],
    ['a date', { date: '' }],
    ['a date of the calendar', { date: '2010-02-30 08:26:00' }],
    ['a time of the day', { date: '2010-12-01 24:00:00' }],
    ['a customer in one line', { customer: 'a\u0000b' }],
  ];
  for (const [what, change] of malformed) {
    it(`is malformed without ${what}`, () => assert.equal(reasonOf({ ...sale, ...change }), 'malformed'));
  }

  it('is malformed when it has not the fields of the header', () => assert.equal(reasonOf(undefined), 'malformed'));

  it('takes prices as they are written, digit by digit', () => {
    const pence = (price: string) => {
      const line = classify({ ...sale, price });
      return line.kind === 'sale' ? line.unitPrice : line.kind === 'rejected' ? line.reason : undefined;
    };
    const written = ['2.550', '4', '0.29', '1e2', '1.15', '.5', '8142.75'];
    assert.deepEqual(written.map(pence), [255, 400, 29, 10_000, 115, 50, 814_275]);
    assert.deepEqual(['0.001', '2.555', '1e-05', '0.290000001'].map(pence), Array(4).fill('sub-penny-price'));
    assert.deepEqual(['0.0', '0', '-11062.06', '-0.001'].map(pence), Array(4).fill('price-not-positive'));
  });

  it('is rejected for the first reason that holds', () => {
    const everythingWrong = { ...sale, code: 'POST', quantity: '0', price: '0.001', customer: '' };
    assert.equal(reasonOf({ ...everythingWrong, date: '' }), 'malformed');
    assert.equal(reasonOf(everythingWrong), 'not-goods');
    assert.equal(reasonOf({ ...everythingWrong, code: '1' }), 'quantity-not-positive');
    assert.equal(reasonOf({ ...everythingWrong, code: '1', quantity: '1', price: '-0.001' }), 'price-not-positive');
    assert.equal(reasonOf({ ...everythingWrong, code: '1', quantity: '1' }), 'sub-penny-price');
    const wrongReturn = { ...everythingWrong, invoice: 'C1' };
    assert.equal(reasonOf(wrongReturn), 'not-goods');
    assert.equal(reasonOf({ ...wrongReturn, code: '1' }), 'quantity-not-negative');
    assert.equal(reasonOf({ ...wrongReturn, code: '1', quantity: '-1' }), 'no-customer');
  });

  it('does not mind what a return says of the price', () => {
    assert.equal(reasonOf({ ...back, price: '0.001' }), 'return');
  });
});
