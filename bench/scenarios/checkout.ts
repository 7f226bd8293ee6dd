import { join } from 'node:path';
import type { PlaceOrders } from '../clients/place-orders.ts';
import { fillShop } from '../harness/catalogue.ts';
import { limitNote, measureLimit } from '../harness/limit.ts';
import { measureOrders, type OrdersMeasured } from '../harness/measure-orders.ts';
import { cpuMsOf, cpuMsOfFamily } from '../harness/processes.ts';
import { describeProfile, describeStatements, resetStatements } from '../harness/profile.ts';
import type { Figure, Scenario } from '../harness/scenario.ts';
import { startShop } from '../harness/shop.ts';
import { asAdmin } from '../harness/shop-api.ts';

const productCount = 200;
const unitsEach = 100_000;

export const checkout: Scenario = {
  about: 'guests’ orders of one line with an approved card, until every saga has ended and every inbox is empty',
  async run(bench) {
    const seconds = bench.quick ? 4 : 10;
    const limit = await measureLimit(bench, [64, 8], seconds);
    const shop = await startShop(bench, { dataDir: join(bench.dir, 'shop') });
    const admin = await asAdmin(shop);
    bench.say('filling the shop');
    const products = await fillShop(admin, productCount, unitsEach);
    const skus = products.map(({ sku }) => sku);
    const subject = {
      metricsUrls: [shop.metricsUrl],
      cpuMs: () => ({ node: cpuMsOf(shop.pid), postgres: cpuMsOfFamily(shop.postgres.pid), broker: 0 }),
      errors: shop.errors,
    };
    const place = (load: Omit<PlaceOrders, 'url' | 'skus'>) =>
      measureOrders(bench, subject, admin, { ...load, url: shop.url, skus });

    bench.say('warming up');
    await place({ run: 'warm', orders: 500, clients: 64 });
    bench.say('64 clients');
    if (bench.profile) await resetStatements(shop);
    const many = await place({ run: 'many', orders: bench.quick ? 1_500 : 6_000, clients: 64 });
    const statements = bench.profile ? await describeStatements(shop) : [];
    bench.say('8 clients');
    const few = await place({ run: 'few', orders: bench.quick ? 500 : 1_500, clients: 8 });
    bench.say('50 orders/s offered');
    const offeredSeconds = bench.quick ? 6 : 20;
    const offered = await place({ run: 'offered', orders: 50 * offeredSeconds, clients: 64, perSecond: 50 });
    await shop.stop();

    return {
      figures: [
        ...loopFigures('64 clients', many, { perSecond: 450, statements: 20 }),
        ...limitFigures('64 clients', many, limit?.[0]),
        ...loopFigures('8 clients', few, { statements: 60 }),
        ...limitFigures('8 clients', few, limit?.[1]),
        { name: '50/s offered: p50 to confirmed', value: offered.toConfirmed.p50, unit: 'ms' },
        { name: '50/s offered: p95 to confirmed', value: offered.toConfirmed.p95, unit: 'ms', target: { atMost: 100 } },
        { name: '50/s offered: p99 to confirmed', value: offered.toConfirmed.p99, unit: 'ms' },
      ],
      notes: [
        'Shop with its PostgreSQL, and the client: three sets of processes on this machine; PostgreSQL durable as it ships.',
        `Orders are spread over ${productCount} SKUs; the time ends when no saga is live and every outbox and inbox is empty, twice in a row.`,
        'Mails are sent in the background at a limited pace and may come later; their processor time and statements are counted.',
        'SQL statements are those of all services, their idle polling and the asking for the backlog included.',
        ...(limit ? [limitNote] : []),
      ],
      ...(bench.profile && { profile: [...statements, ...(await describeProfile(shop.profileDir))] }),
    };
  },
};

function loopFigures(
  label: string,
  measured: OrdersMeasured,
  targets: { perSecond?: number; statements: number },
): Figure[] {
  const { perSecond, confirmedPerSecond, toConfirmed, statements, cpuMs } = measured;
  return [
    {
      name: `${label}: orders`,
      value: perSecond,
      unit: 'orders/s',
      ...(targets.perSecond !== undefined && { target: { atLeast: targets.perSecond } }),
    },
    { name: `${label}: confirmed, without what follows`, value: confirmedPerSecond, unit: 'orders/s' },
    { name: `${label}: p50 to confirmed`, value: toConfirmed.p50, unit: 'ms' },
    { name: `${label}: p95 to confirmed`, value: toConfirmed.p95, unit: 'ms' },
    { name: `${label}: p99 to confirmed`, value: toConfirmed.p99, unit: 'ms' },
    { name: `${label}: SQL statements`, value: statements, unit: 'an order', target: { atMost: targets.statements } },
    { name: `${label}: processor time, Node`, value: cpuMs.node, unit: 'ms an order' },
    { name: `${label}: processor time, PostgreSQL`, value: cpuMs.postgres, unit: 'ms an order' },
    { name: `${label}: processor time, client`, value: cpuMs.client, unit: 'ms an order' },
  ];
}

function limitFigures(label: string, { perSecond }: OrdersMeasured, limit: number | undefined): Figure[] {
  if (limit === undefined) return [];
  return [
    { name: `${label}: the limit`, value: limit, unit: 'orders/s' },
    { name: `${label}: part of the limit reached`, value: (perSecond / limit) * 100, unit: '%' },
  ];
}
