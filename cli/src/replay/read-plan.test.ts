import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readPlan } from './read-plan.ts';
import { openRejects } from './rejects.ts';

const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stoa-plan-'));
});
after(() => rm(folder, { recursive: true }));

async function planOf(...lines: string[]) {
  const path = join(folder, 'trade.csv');
  await writeFile(path, `${lines.join('\n')}\n`);
  const rejects = openRejects(join(folder, 'rejects.csv'));
  const { plan } = await readPlan(path, rejects);
  await rejects.close();
  return { plan, rejects: await readFile(join(folder, 'rejects.csv'), 'utf8') };
}

describe('reading a file of trade', () => {
  it('writes every rejected line with its number, its reason and its fields', async () => {
    const { plan, rejects } = await planOf(
      `\uFEFF${header}`,
      '1,10,"RED, ""BIG"" BOX",1,2010-12-01 08:00:00,1.00,7.0,France',
      '1,POST,"POSTAGE, EU",1,2010-12-01 08:00:00,1.00,7.0,France',
      '1,10,too short,1',
      'C2,10,"never closed,-1,2010-12-01 08:00:00,1.00,7.0,France',
      'C2,10,BOX,-1,,1.00,7.0,France',
    );
    assert.equal(plan.linesRead, 5);
    assert.equal(plan.linesSold, 1);
    assert.deepEqual(rejects.split('\r\n'), [
      `line,reason,${header}`,
      '3,not-goods,1,POST,"POSTAGE, EU",1,2010-12-01 08:00:00,1.00,7.0,France',
      '4,malformed,1,10,too short,1',
      '5,malformed,C2,10,never closed,-1,2010-12-01 08:00:00,1.00,7.0,France',
      '6,malformed,C2,10,BOX,-1,,1.00,7.0,France',
      '',
    ]);
  });

  it('finds the columns by their names', async () => {
    const { plan } = await planOf(
      'Country,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo',
      'France,7.0,1.00,2010-12-01 08:00:00,2,BOX,10,1',
    );
    assert.deepEqual(plan.order(0).items, [{ sku: '10', quantity: 2, unitPrice: 100 }]);
  });

  it('refuses a file of something else', async () => {
    await assert.rejects(planOf('sku,price', 'a,1'), { ending: 'usage' });
    await assert.rejects(planOf(), { ending: 'usage' });
  });

  it('refuses an invoice with more lines than an order can have, before anything is done', async () => {
    const lines = Array.from({ length: 2_001 }, () => '1,10,BOX,1,2010-12-01 08:00:00,1.00,7.0,France');
    await assert.rejects(planOf(header, ...lines), /Invoice 1 has 2001 lines of goods, and an order takes 2000/);
    const { plan } = await planOf(header, ...lines.slice(1));
    assert.equal(plan.itemCountOf(0), 2_000);
  });
});
