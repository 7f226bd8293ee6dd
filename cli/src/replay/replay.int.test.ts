import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inventoryContract } from '@stoa/contracts/inventory';
import { orderContract } from '@stoa/contracts/order';
import { productContract } from '@stoa/contracts/product';
import { userContract } from '@stoa/contracts/user';
import { freePort } from '@stoa/platform/testing';
import { runCommandLine } from '../program.ts';
import { connect, type Shop } from '../shop/shop.ts';
import { type HostedShop, hostShop, type ShopEnvironment, shopEnvironment } from '../testing/host-shop.ts';
import { planFigures } from './plan-figures.ts';
import { readPlan } from './read-plan.ts';
import { openRejects } from './rejects.ts';
import type { ReplayFigures } from './run-replay.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';

const small = [
  header,
  '1,22139,"TEA, SET",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
  '1,22139,"TEA, SET",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
  '1,POST,POSTAGE,1,2010-12-01 08:26:00,18.0,17850.0,France',
  '2,85123a,,2,2010-12-01 09:00:00,1.25,,United Kingdom',
  '3,22139,TEA,1,2010-12-02 09:00:00,3.00,17850.0,United Kingdom',
  'C4,22139,TEA,-8,2010-12-03 09:00:00,2.55,17850.0,United Kingdom',
  'C5,22139,TEA,-9,2010-12-03 10:00:00,2.55,17850.0,United Kingdom',
];

const expected = {
  linesRead: 7,
  linesSold: 4,
  linesReturned: 1,
  linesRejected: { 'not-goods': 1, 'no-matching-sale': 1 },
  orders: { placed: 3, confirmed: 3, rejected: 0 },
  units: { sold: 15, returned: 8 },
  revenue: { amount: 3610, currency: 'GBP' },
  refunded: { amount: 300 + 7 * 255, currency: 'GBP' },
};

function figuresOf(out: string): Omit<ReplayFigures, 'seconds'> {
  const { seconds, ...figures } = JSON.parse(out) as ReplayFigures;
  assert.ok(seconds > 0);
  return figures;
}

/** Trade that keeps a shop busy for some seconds: several lines an invoice, and every third customer brings something back. */
function busyTrade(invoices: number): string {
  const lines = [header];
  for (let invoice = 1; invoice <= invoices; invoice++) {
    const date = `2010-12-${String((invoice % 28) + 1).padStart(2, '0')} 10:00:00`;
    for (let line = 0; line < 8; line++)
      lines.push(
        `${invoice},${20_000 + ((invoice * 7 + line) % 150)},GOODS,${line + 1},${date},1.${10 + line},${invoice}.0,France`,
      );
    if (invoice % 3 === 0)
      lines.push(`C${invoice},${20_000 + ((invoice * 7) % 150)},GOODS,-1,${date},1.10,${invoice}.0,France`);
  }
  return `${lines.join('\n')}\n`;
}

describe('a replay', () => {
  let hosted: HostedShop;
  let shop: Shop;
  let file = '';
  before(async () => {
    hosted = await hostShop('replay');
    shop = await connect({ environment: hosted.environment });
    file = join(hosted.environment.STOA_DATA_DIR as string, 'small.csv');
    await writeFile(file, `${small.join('\n')}\n`);
  });
  after(async () => {
    await shop?.close();
    await hosted?.close();
  });

  it('accounts for every line, and the books of the shop say the same', async () => {
    const { code, out, told } = await hosted.stoa('replay', file, '--json');
    assert.equal(code, 0, told);
    const { invariants, ...figures } = figuresOf(out);
    assert.deepEqual(figures, expected);
    assert.equal(invariants.violated, 0);
    assert.ok(invariants.held > 0);
  });

  it('leaves orders as the file has them', async () => {
    const { items } = await shop.call(orderContract.operations.listOrders, { query: { externalId: '1' } });
    const [order] = items;
    assert.ok(order);
    assert.deepEqual(
      order.items.map(({ sku, quantity, unitPrice }) => [sku, quantity, unitPrice.amount]),
      Array(2).fill(['22139', 6, 255]),
    );
    assert.deepEqual(
      [order.placedAt, order.totals.total, order.totals.shipping.amount],
      ['2010-12-01T08:26:00.000Z', { amount: 3060, currency: 'GBP' }, 0],
    );
    assert.equal(order.payment.refunded.amount, 7 * 255);
    const user = await shop.call(userContract.operations.getUser, { params: { id: order.userId as string } });
    assert.equal(user.externalId, '17850');
    const guest = (await shop.call(orderContract.operations.listOrders, { query: { externalId: '2' } })).items[0];
    assert.deepEqual([guest?.userId, guest?.items[0]?.sku, guest?.items[0]?.title], [null, '85123A', '85123A']);
    const refunds = (await shop.call(orderContract.operations.listOrderEvents, { params: { id: order.id } })).filter(
      ({ type }) => type === 'order-refunded',
    );
    assert.deepEqual(
      refunds.map(({ data }) => (data as { refundedAt: string }).refundedAt),
      ['2010-12-03T09:00:00.000Z'],
    );
  });

  it('receives exactly what the sales need, and takes back what was returned', async () => {
    const stock = await shop.call(inventoryContract.operations.getStock, { params: { sku: '22139' } });
    assert.ok('received' in stock);
    const { received, sold, returned, onHand } = stock;
    assert.deepEqual({ received, sold, returned, onHand }, { received: 13, sold: 13, returned: 8, onHand: 8 });
  });

  it('changes nothing the second time, not even what a merchandiser has changed since', async () => {
    const before = await everything();
    const product = (await shop.call(productContract.operations.listProducts, { query: { search: 'tea' } })).items[0];
    await shop.call(productContract.operations.changeProduct, {
      params: { id: product?.id as string },
      body: { title: 'Finest tea' },
    });
    const { code, out, told } = await hosted.stoa('replay', file, '--json');
    assert.equal(code, 0, told);
    const { invariants: _invariants, ...figures } = figuresOf(out);
    assert.deepEqual(figures, expected);
    assert.deepEqual(await everything(), before);
    const now = await shop.call(productContract.operations.getProduct, { params: { id: product?.id as string } });
    assert.equal(now.title, 'Finest tea');
  });

  it('leaves no key behind where it cannot keep it', async () => {
    const keys = async () => {
      const { items } = await shop.call(userContract.operations.listApiKeys, {});
      return items.map(({ id }) => id);
    };
    const before = await keys();
    const admin = JSON.parse(await readFile(join(hosted.environment.STOA_DATA_DIR as string, 'admin.json'), 'utf8'));
    let told = '';
    const code = await runCommandLine(['replay', file], {
      environment: {
        ...hosted.environment,
        STOA_ADMIN_EMAIL: admin.email,
        STOA_ADMIN_PASSWORD: admin.password,
        STOA_DATA_DIR: join(file, 'no-folder'),
      },
      write: () => undefined,
      tell: (text) => {
        told += text;
      },
    });
    assert.equal(code, 2, told);
    assert.match(told, /STOA_DATA_DIR: .*replay-key\.json cannot be written/);
    assert.deepEqual(await keys(), before);
  });

  it('adds only what is new of a file that goes on where another ended', async () => {
    const longer = join(hosted.environment.STOA_DATA_DIR as string, 'longer.csv');
    await writeFile(
      longer,
      `${[...small, '6,22139,TEA,5,2010-12-04 09:00:00,3.00,17850.0,France', 'C7,22139,TEA,-1,2010-12-05 09:00:00,1,17850.0,France'].join('\n')}\n`,
    );
    const { code, out, told } = await hosted.stoa('replay', longer, '--json');
    assert.equal(code, 0, told);
    assert.deepEqual(figuresOf(out).units, { sold: 20, returned: 9 });
    const stock = await shop.call(inventoryContract.operations.getStock, { params: { sku: '22139' } });
    assert.ok('received' in stock && stock.received === 18);
  });

  it('refuses an invoice whose number belongs to another order', async () => {
    const other = join(hosted.environment.STOA_DATA_DIR as string, 'other.csv');
    await writeFile(other, `${header}\n1,22139,TEA,1,2010-12-01 08:26:00,9.99,17850.0,France\n`);
    const { code, told } = await hosted.stoa('replay', other);
    assert.equal(code, 4);
    assert.match(told, /another order with the externalId 1/);
  });

  it('ends with the same figures after it was killed again and again', async () => {
    const busy = join(hosted.environment.STOA_DATA_DIR as string, 'busy.csv');
    await writeFile(busy, busyTrade(120).replaceAll(/^(C?)(\d+),2/gm, '$1K$2,2'));
    const { plan } = await readPlan(busy, openRejects(undefined));
    for (const parts of ['preparing', 'orders', 'orders', 'refunds']) {
      const child = spawn(process.execPath, [main, 'replay', busy, '--concurrency', '4'], {
        env: hosted.environment as NodeJS.ProcessEnv,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await killOnceIn(child, parts);
    }
    const { code, out, told } = await hosted.stoa('replay', busy, '--json');
    assert.equal(code, 0, told);
    const { orders: _orders, refunds: _refunds, ...planned } = planFigures(plan);
    const { orders, invariants, ...figures } = figuresOf(out);
    assert.deepEqual(figures, planned);
    assert.deepEqual(orders, { placed: 120, confirmed: 120, rejected: 0 });
    assert.equal(invariants.violated, 0);
    await assertReceivedExactly(plan);
  });

  async function assertReceivedExactly(plan: Awaited<ReturnType<typeof readPlan>>['plan']): Promise<void> {
    const needed = new Map<string, number>();
    for (let number = 0; number < plan.orderCount; number++) {
      for (const { sku, quantity } of plan.order(number).items) needed.set(sku, (needed.get(sku) ?? 0) + quantity);
    }
    for (const [sku, units] of needed) {
      const stock = await shop.call(inventoryContract.operations.getStock, { params: { sku } });
      assert.ok('received' in stock);
      assert.equal(stock.received, units, sku);
    }
  }

  async function everything(): Promise<unknown> {
    const orders = [];
    for await (const order of shop.list(orderContract.operations.listOrders, {})) orders.push(order);
    const stock = [];
    for await (const count of shop.list(inventoryContract.operations.listStock, {})) stock.push(count);
    const users = [];
    for await (const { id, externalId } of shop.list(userContract.operations.listUsers, {}))
      users.push({ id, externalId });
    return { orders, stock, users };
  }
});

describe('a replay into a shop that is killed', () => {
  let given: ShopEnvironment;
  let port = 0;
  before(async () => {
    given = await shopEnvironment('killed');
    port = await freePort();
  });
  after(() => given?.close());

  it('waits for the shop to come back, and ends with the same figures', async () => {
    const environment = { ...given.environment, PORT: String(port), STOA_URL: `http://localhost:${port}` };
    const file = join(given.environment.STOA_DATA_DIR as string, 'busy.csv');
    await writeFile(file, busyTrade(150));
    const { plan } = await readPlan(file, openRejects(undefined));
    const open = async () => {
      const child = spawn(process.execPath, [main, 'up', '--json'], {
        env: environment as NodeJS.ProcessEnv,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
      return child;
    };
    let shop = await open();
    try {
      const replay = spawn(process.execPath, [main, 'replay', file, '--json', '--concurrency', '8'], {
        env: environment as NodeJS.ProcessEnv,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, told] = ['', ''];
      replay.stdout.on('data', (chunk) => (out += String(chunk)));
      replay.stderr.on('data', (chunk) => (told += String(chunk)));
      const ended = once(replay, 'exit');
      for (const part of ['preparing', 'orders']) {
        while (!told.includes(part) && replay.exitCode === null) await once(replay.stderr, 'data');
        shop.kill('SIGKILL');
        await once(shop, 'exit');
        shop = await open();
      }
      const [code] = await ended;
      assert.equal(code, 0, told);
      const { orders: _orders, refunds: _refunds, ...planned } = planFigures(plan);
      const { orders, invariants, ...figures } = figuresOf(out);
      assert.deepEqual(figures, planned);
      assert.deepEqual(orders, { placed: 150, confirmed: 150, rejected: 0 });
      assert.equal(invariants.violated, 0);
    } finally {
      shop.kill('SIGKILL');
    }
  });
});

/** Kills a replay as soon as it says that it is in this part of its work; one that was quicker has ended in order. */
async function killOnceIn(child: ChildProcess, part: string): Promise<void> {
  assert.ok(child.stderr);
  const exited = once(child, 'exit');
  let told = '';
  child.stderr.on('data', (chunk) => {
    told += String(chunk);
    if (told.includes(part)) child.kill('SIGKILL');
  });
  await exited;
}
