import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PagesRead, ReadPages } from '../clients/read-pages.ts';
import { type BenchProduct, fillShop } from '../harness/catalogue.ts';
import { ask, cpuMsOf } from '../harness/processes.ts';
import { describeProfile } from '../harness/profile.ts';
import type { Bench, Scenario } from '../harness/scenario.ts';
import { type Shop, startShop } from '../harness/shop.ts';
import { asAdmin, asNewCustomer, type ShopApi } from '../harness/shop-api.ts';

const productCount = 1_000;
const changes = 5;
const warmUpSeconds = 3;

export const browse: Scenario = {
  about: `lists and single reads of ${productCount.toLocaleString('en')} products through the gateway, with a customer's token`,
  async run(bench) {
    const shop = await startShop(bench, { dataDir: join(bench.dir, 'shop') });
    const admin = await asAdmin(shop);
    bench.say('filling the shop');
    const products = await fillShop(admin, productCount);
    const customer = await asNewCustomer(shop);
    const paths = await pathsToRead(customer, products);

    // One client process where its core is enough; two where the shop waits for it.
    const runs: Reading[] = [];
    for (const processes of [1, 2]) {
      bench.say(`${processes} client process${processes > 1 ? 'es' : ''}`);
      runs.push(await read(bench, shop, customer, paths, processes));
    }
    const best = runs.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
    bench.say('changes');
    const visibleMs = [];
    for (let n = 0; n < changes; n++)
      visibleMs.push(await untilVisible(admin, customer, products[n * 7]?.slug ?? '', n));
    await shop.stop();

    return {
      figures: [
        { name: 'requests', value: best.perSecond, unit: 'requests/s', target: { atLeast: 20_000 } },
        { name: 'p50', value: best.p50, unit: 'ms' },
        { name: 'p99', value: best.p99, unit: 'ms' },
        { name: 'processor time, Node', value: best.shopMicros, unit: 'µs a request' },
        { name: 'one core would carry', value: 1_000_000 / best.shopMicros, unit: 'requests/s' },
        { name: 'processor time, client', value: best.clientMicros, unit: 'µs a request' },
        { name: 'sent', value: best.bytesPerRequest, unit: 'bytes a request' },
        { name: 'a change is visible after', value: Math.max(...visibleMs), unit: 'ms', target: { atMost: 1_000 } },
      ],
      notes: [
        `Half of the requests are lists of 20 (by category, sort and page: ${paths.lists.length} addresses), half single products (${paths.singles.length} addresses), picked at random.`,
        `${best.connections} connections, one request at a time on each, from ${best.processes} client process(es); ${best.seconds} s after ${warmUpSeconds} s of warming up.`,
        `Visible means in the single read and in the list, read through the same gateway; the longest of ${changes} changes.`,
      ],
      ...(bench.profile && { profile: await describeProfile(shop.profileDir) }),
    };
  },
};

interface Paths {
  readonly singles: readonly string[];
  readonly lists: readonly string[];
}

async function pathsToRead(as: ShopApi, products: readonly BenchProduct[]): Promise<Paths> {
  const lists: string[] = [];
  for (const category of new Set(products.map((product) => product.category))) {
    for (const sort of ['newest', 'price', '-price', 'title']) {
      let cursor: string | null = '';
      for (let page = 0; page < 3 && cursor !== null; page++) {
        const path: string = `/api/v1/products?category=${category}&sort=${sort}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
        lists.push(path);
        ({ nextCursor: cursor } = await as.ask<{ nextCursor: string | null }>('GET', path));
      }
    }
  }
  return { singles: products.map(({ slug }) => `/api/v1/products/${slug}`), lists };
}

interface Reading {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly shopMicros: number;
  readonly clientMicros: number;
  readonly bytesPerRequest: number;
  readonly processes: number;
  readonly connections: number;
  readonly seconds: number;
}

async function read(
  bench: Bench,
  shop: Shop,
  as: ShopApi,
  { singles, lists }: Paths,
  processes: number,
): Promise<Reading> {
  const seconds = bench.quick ? 4 : 10;
  const connections = 64;
  // As many addresses of each kind, so that a random pick is a list every second time.
  const repeated = Array.from({ length: singles.length }, (_, n) => lists[n % lists.length] ?? '');
  const input: Omit<ReadPages, 'seed'> = {
    port: Number(new URL(shop.url).port),
    token: as.token ?? '',
    paths: [...singles, ...repeated],
    connections: connections / processes,
    seconds,
    warmUpSeconds,
  };
  const clients = Array.from({ length: processes }, (_, n) =>
    ask<PagesRead>(bench, 'clients/read-pages.ts', { ...input, seed: n + 1 }),
  );
  await sleep(warmUpSeconds * 1000);
  const before = { cpuMs: cpuMsOf(shop.pid), atMs: performance.now() };
  await sleep((seconds - 1) * 1000);
  const cpuShare = (cpuMsOf(shop.pid) - before.cpuMs) / (performance.now() - before.atMs);
  const done = await Promise.all(clients);
  const sum = (of: (one: PagesRead) => number) => done.reduce((all, one) => all + of(one), 0);
  const requests = sum((one) => one.requests);
  if (sum((one) => one.failures) > 0) throw new Error(`${sum((one) => one.failures)} of ${requests} requests failed`);
  return {
    perSecond: requests / seconds,
    p50: Math.max(...done.map((one) => one.durations.p50)),
    p99: Math.max(...done.map((one) => one.durations.p99)),
    shopMicros: (cpuShare * 1_000_000 * seconds) / requests,
    clientMicros: (sum((one) => one.cpuMs) * 1000) / requests,
    bytesPerRequest: sum((one) => one.bytes) / requests,
    processes,
    connections,
    seconds,
  };
}

const giveUpMs = 5_000;

/** Changes a title as a merchandiser and waits until a customer sees it, alone and in the list. */
async function untilVisible(admin: ShopApi, customer: ShopApi, slug: string, n: number): Promise<number> {
  const single = `/api/v1/products/${slug}`;
  const { id, category } = await customer.ask<{ id: string; category: string }>('GET', single);
  const list = `/api/v1/products?category=${category}&sort=title`;
  await customer.ask('GET', list);
  const title = `A aaa changed ${n} ${Date.now()}`;
  await admin.ask('PATCH', `/api/v1/products/${id}`, { title });
  const changedAtMs = performance.now();
  for (;;) {
    const [one, many] = await Promise.all([
      customer.ask<{ title: string }>('GET', single),
      customer.ask<{ items: { title: string }[] }>('GET', list),
    ]);
    const ms = performance.now() - changedAtMs;
    if (one.title === title && many.items.some((item) => item.title === title)) return ms;
    if (ms > giveUpMs) {
      const where = one.title === title ? `in ${list}` : `in ${single}`;
      throw new Error(`the change of ${slug} was not visible ${where} after ${giveUpMs} ms`);
    }
    await sleep(2);
  }
}
