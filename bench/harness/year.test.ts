import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeYear } from './year.ts';

const month = [
  'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
  '536365,85123A,"HOLDER, WHITE, 2010-12-01",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
  'C536379,D,Discount,-1,2010-12-23 09:41:00,27.50,,United Kingdom',
];

describe('a year of a month', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'stoa-year-'));
  });
  after(() => rm(dir, { recursive: true }));

  it('has every line once a month, with dates moved on and invoices and customers of its own', async () => {
    const [from, to] = [join(dir, 'month.csv'), join(dir, 'year.csv')];
    await writeFile(from, `${month.join('\n')}\n`);
    assert.equal(await writeYear(from, to, 3), 6);
    assert.deepEqual((await readFile(to, 'utf8')).trimEnd().split('\n'), [
      ...month,
      '636365,85123A,"HOLDER, WHITE, 2010-12-01",6,2011-01-01 08:26:00,2.55,117850.0,United Kingdom',
      'C636379,D,Discount,-1,2011-01-23 09:41:00,27.50,,United Kingdom',
      '736365,85123A,"HOLDER, WHITE, 2010-12-01",6,2011-02-01 08:26:00,2.55,217850.0,United Kingdom',
      'C736379,D,Discount,-1,2011-02-23 09:41:00,27.50,,United Kingdom',
    ]);
  });
});
