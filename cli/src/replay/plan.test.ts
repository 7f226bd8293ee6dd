import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { RawLine } from './classify.ts';
import { ReplayPlan } from './plan.ts';
import { planFigures } from './plan-figures.ts';
import { readPlan } from './read-plan.ts';
import { openRejects } from './rejects.ts';

/** Lines as `invoice code quantity price customer`. */
function planOf(...lines: string[]): { plan: ReplayPlan; reasons: (string | undefined)[] } {
  const plan = new ReplayPlan();
  const reasons = lines.map((line, index) => {
    const [invoice = '', code = '', quantity = '', price = '', customer = ''] = line.split(' ');
    const minute = String(index % 60).padStart(2, '0');
    const raw: RawLine = {
      invoice,
      code,
      description: `About ${code}`,
      quantity,
      price,
      customer,
      date: `2010-12-01 08:${minute}:00`,
    };
    return plan.take(raw);
  });
  return { plan, reasons };
}

function refundsOf(plan: ReplayPlan) {
  return plan
    .refunds()
    .map(({ invoice, order, items, amount }) => [invoice, plan.invoiceOf(order), [...items], amount]);
}

describe('a plan', () => {
  it('makes one order of the accepted lines of an invoice, wherever in the file they stand', () => {
    const { plan } = planOf('1 10 2 1.00 7', '2 10 1 1.50 8', '1 POST 1 9.00 7', '1 11a 1 0.25 7');
    assert.equal(plan.orderCount, 2);
    assert.deepEqual(plan.order(0), {
      invoice: '1',
      customer: '7',
      placedAtMs: Date.UTC(2010, 11, 1, 8, 0),
      items: [
        { sku: '10', quantity: 2, unitPrice: 100 },
        { sku: '11A', quantity: 1, unitPrice: 25 },
      ],
      total: 225,
    });
  });

  it('keeps lines that are exactly the same as lines', () => {
    const { plan } = planOf('1 10 2 1.00 7', '1 10 2 1.00 7');
    assert.equal(plan.order(0).items.length, 2);
    assert.equal(plan.linesSold, 2);
  });

  it('takes customer and date of an order from its first accepted line', () => {
    const { plan } = planOf('1 POST 1 1.00 6', '1 10 2 1.00 7', '1 10 2 1.00 8');
    assert.deepEqual([plan.order(0).customer, plan.order(0).placedAtMs], ['7', Date.UTC(2010, 11, 1, 8, 1)]);
  });

  it('knows a code in any case as one product, with the first price and the first description there is', () => {
    const plan = new ReplayPlan();
    const raw = { invoice: '1', quantity: '1', customer: '', date: '2010-12-01 08:00:00' };
    plan.take({ ...raw, code: '85123a', price: '2.55', description: ' ' });
    plan.take({ ...raw, code: '85123A', price: '2.95', description: 'HEART\tHOLDER' });
    plan.take({ ...raw, code: '85123A', price: '2.95', description: 'another' });
    assert.deepEqual(plan.products(), [{ sku: '85123A', title: 'HEART HOLDER', price: 255 }]);
  });

  it('matches a return with the newest sale first, and within an invoice with the last line first, at the prices of those lines', () => {
    const { plan, reasons } = planOf(
      '1 10 3 1.00 7',
      '2 10 2 2.00 7',
      '2 10 1 3.00 7',
      '2 11 5 9.00 7',
      'C3 10 -4 8.88 7',
    );
    assert.deepEqual(reasons.at(-1), undefined);
    assert.deepEqual(refundsOf(plan), [
      [
        'C3',
        '2',
        [
          [1, 1],
          [0, 2],
        ],
        700,
      ],
      ['C3', '1', [[0, 1]], 100],
    ]);
  });

  it('gives nothing back twice', () => {
    const { plan, reasons } = planOf('1 10 3 1.00 7', 'C2 10 -2 1 7', 'C3 10 -2 1 7', 'C4 10 -1 1 7');
    assert.deepEqual(reasons, [undefined, undefined, 'no-matching-sale', undefined]);
    assert.deepEqual(
      refundsOf(plan).map(([invoice]) => invoice),
      ['C2', 'C4'],
    );
  });

  it('rejects a return whole that cannot be matched in full, and leaves the sale for the next one', () => {
    const { plan, reasons } = planOf('1 10 3 1.00 7', 'C2 10 -4 1 7', 'C3 10 -3 1 7');
    assert.deepEqual(reasons, [undefined, 'no-matching-sale', undefined]);
    assert.equal(plan.linesReturned, 1);
  });

  it('matches only earlier sales of the same customer and goods', () => {
    const { reasons } = planOf('C1 10 -1 1 7', '2 10 1 1.00 7', 'C3 10 -1 1 8', 'C4 11 -1 1 7', 'C5 10 -1 1 7');
    assert.deepEqual(reasons, ['no-matching-sale', undefined, 'no-matching-sale', 'no-matching-sale', undefined]);
  });

  it('never matches what guests have bought, nor goods that were never sold', () => {
    const { plan, reasons } = planOf('1 10 1 1.00', 'C2 10 -1 1 7', 'C2 99 -1 1 7');
    assert.deepEqual(reasons, [undefined, 'no-matching-sale', 'no-matching-sale']);
    assert.deepEqual(
      plan.products().map(({ sku }) => sku),
      ['10'],
    );
  });

  it('makes one refund of the lines of an invoice that give back of one order', () => {
    const { plan } = planOf('1 10 3 1.00 7', '1 11 1 2.00 7', 'C2 10 -1 1 7', 'C2 11 -1 1 7', 'C2 10 -1 1 7');
    assert.deepEqual(refundsOf(plan), [
      [
        'C2',
        '1',
        [
          [0, 2],
          [1, 1],
        ],
        400,
      ],
    ]);
    assert.equal(plan.linesReturned, 3);
  });

  it('accounts for every line', () => {
    const { plan } = planOf('1 10 3 1.00 7', '1 POST 3 1.00 7', 'C2 10 -1 1 7', 'C2 10 -9 1 7', '3 x 1 1');
    const rejected = [...plan.rejected.values()].reduce((all, count) => all + count, 0);
    assert.equal(plan.linesRead, 5);
    assert.equal(plan.linesSold + plan.linesReturned + rejected, 5);
  });
});

const month = new URL('../../../../shared/data/online-retail/2010-12.csv', import.meta.url).pathname;
const hasMonth = await access(month).then(
  () => true,
  () => false,
);

// The figures were counted by another program, written for this alone.
if (hasMonth) {
  it('a real month comes to what another program counts', async () => {
    const { plan } = await readPlan(month, openRejects(undefined));
    assert.deepEqual(planFigures(plan), {
      linesRead: 42_481,
      linesSold: 41_317,
      linesReturned: 298,
      linesRejected: {
        'not-goods': 193,
        'no-matching-sale': 377,
        'price-not-positive': 203,
        'quantity-not-positive': 70,
        'no-customer': 23,
      },
      orders: { planned: 1_550 },
      refunds: { planned: 161 },
      units: { sold: 358_751, returned: 3_227 },
      revenue: { amount: 77_800_836, currency: 'GBP' },
      refunded: { amount: 811_557, currency: 'GBP' },
    });
  });
}
