import { join } from 'node:path';
import { type BenchBroker, startBroker } from '../harness/broker.ts';
import { fillShop } from '../harness/catalogue.ts';
import { startFleet } from '../harness/fleet.ts';
import { limitNote, measureLimit } from '../harness/limit.ts';
import { measureOrders, type OrdersMeasured, type Subject } from '../harness/measure-orders.ts';
import { startPostgres } from '../harness/postgres.ts';
import { ask, cpuMsOf, cpuMsOfFamily, memoryMbOfFamily, shareMbOf } from '../harness/processes.ts';
import { describeProfile, describeStatements, nowMicros, resetStatements } from '../harness/profile.ts';
import type { Bench, Figure, Scenario } from '../harness/scenario.ts';
import { startShop } from '../harness/shop.ts';
import { asAdmin } from '../harness/shop-api.ts';
import type { CallsMade, MakeCalls } from '../hosts/calls.ts';

const productCount = 200;
const unitsEach = 100_000;
const clients = 64;

const placements = ['one process', 'split, local', 'split, RabbitMQ'] as const;
type Placement = (typeof placements)[number];

const ordersAt: Readonly<Record<Placement, number>> = {
  'one process': 5_000,
  'split, local': 2_000,
  'split, RabbitMQ': 1_500,
};
const perSecondMin: Readonly<Record<Placement, number>> = {
  'one process': 450,
  'split, local': 120,
  'split, RabbitMQ': 80,
};

export const placement: Scenario = {
  about: 'the same check-out in one process, split on the local transport, and split on RabbitMQ',
  async run(bench) {
    const [limit] = (await measureLimit(bench, [clients], bench.quick ? 4 : 10)) ?? [];
    const measured: [Placement, Measured][] = [];
    for (const name of placements) measured.push([name, await measure(bench, name)]);
    bench.say('calls in one process');
    const calls = await measureCalls(bench);
    const beside = (what: string, unit: string, value: (of: Measured) => number): Figure[] =>
      measured.map(([name, of]) => ({ name: `${what}: ${name}`, unit, value: value(of) }));
    return {
      figures: [
        ...beside('orders', 'orders/s', ({ orders }) => orders.perSecond).map((figure, at) => ({
          ...figure,
          target: { atLeast: perSecondMin[placements[at] ?? 'one process'] },
        })),
        ...(limit === undefined
          ? []
          : [
              { name: 'the limit', value: limit, unit: 'orders/s' },
              ...beside('part of the limit reached', '%', ({ orders }) => (orders.perSecond / limit) * 100),
            ]),
        ...beside('p50 to confirmed', 'ms', ({ orders }) => orders.toConfirmed.p50),
        ...beside('p95 to confirmed', 'ms', ({ orders }) => orders.toConfirmed.p95),
        ...beside('50 orders/s offered, p50', 'ms', ({ offered }) => offered.toConfirmed.p50),
        ...beside('50 orders/s offered, p95', 'ms', ({ offered }) => offered.toConfirmed.p95),
        ...beside(
          'processor time',
          'ms an order',
          ({ orders: { cpuMs } }) => cpuMs.node + cpuMs.postgres + cpuMs.broker,
        ),
        ...beside('processor time, Node', 'ms an order', ({ orders }) => orders.cpuMs.node),
        ...beside('processor time, PostgreSQL', 'ms an order', ({ orders }) => orders.cpuMs.postgres),
        ...beside('processor time, RabbitMQ', 'ms an order', ({ orders }) => orders.cpuMs.broker).slice(2),
        ...beside('SQL statements', 'an order', ({ orders }) => orders.statements),
        ...beside('memory, Node', 'MB', ({ memoryMb }) => memoryMb.node),
        ...beside('memory, PostgreSQL', 'MB', ({ memoryMb }) => memoryMb.postgres),
        ...beside('memory, RabbitMQ', 'MB', ({ memoryMb }) => memoryMb.broker).slice(2),
        { name: 'a call in one process: mean', value: calls.meanUs, unit: 'µs', target: { atMost: 100 } },
        { name: 'a call in one process: p99', value: calls.p99Us, unit: 'µs' },
      ],
      notes: [
        `${clients} clients in a closed loop, each waiting for its confirmation; shop, PostgreSQL, RabbitMQ and client share this machine's cores.`,
        ...(limit === undefined ? [] : [limitNote]),
        'Processor time is that of all processes of the shop, mails and idle polling included; the client’s is left out.',
        'Memory after the orders; pages that processes share count once.',
        'A call is made by a service’s client and answered by another service of the same process: policies, validation, identity and JSON both ways.',
      ],
      ...(bench.profile && { profile: measured.flatMap(([, { profile }]) => profile) }),
    };
  },
};

async function measureCalls(bench: Bench): Promise<CallsMade> {
  const postgres = await startPostgres(bench);
  const [pricing, shop] = await Promise.all([postgres.ensureDatabase('pricing'), postgres.ensureDatabase('shop')]);
  const input: MakeCalls = { databaseUrls: { pricing, shop }, calls: bench.quick ? 5_000 : 50_000 };
  return ask<CallsMade>(bench, 'hosts/calls.ts', input);
}

interface Measured {
  readonly orders: OrdersMeasured;
  readonly offered: OrdersMeasured;
  readonly memoryMb: { readonly node: number; readonly postgres: number; readonly broker: number };
  readonly profile: readonly string[];
}

/** A shop somewhere: what is measured of it, and how it ends. */
interface Placed extends Subject {
  readonly url: string;
  readonly postgres: { readonly pid: number; readonly adminUrl: string };
  readonly profileDir: string;
  nodeMb(): number;
  /** Which service each profile is of, by process id. */
  services(): ReadonlyMap<number, string>;
  stop(): Promise<void>;
}

async function measure(bench: Bench, name: Placement): Promise<Measured> {
  bench.say(name);
  const broker = name === 'split, RabbitMQ' ? await startBroker(bench) : undefined;
  const shop = name === 'one process' ? await placeInOne(bench) : await placeInMany(bench, broker);
  const admin = await asAdmin(shop);
  const products = await fillShop(admin, productCount, unitsEach);
  const skus = products.map(({ sku }) => sku);
  const shorter = bench.quick ? 5 : 1;
  const load = { url: shop.url, skus, clients };
  bench.say(`${name}: warming up`);
  await measureOrders(bench, shop, admin, { ...load, run: 'warm', orders: 1_000 / shorter });
  bench.say(`${name}: ${clients} clients`);
  if (bench.profile) await resetStatements(shop);
  const fromMicros = nowMicros();
  const orders = await measureOrders(bench, shop, admin, { ...load, run: 'many', orders: ordersAt[name] / shorter });
  const toMicros = nowMicros();
  const statements = bench.profile ? await describeStatements(shop) : [];
  bench.say(`${name}: 50 orders/s offered`);
  const offered = await measureOrders(bench, shop, admin, {
    ...load,
    run: 'offered',
    orders: 500 / shorter,
    perSecond: 50,
  });
  const memoryMb = {
    node: shop.nodeMb(),
    postgres: memoryMbOfFamily(shop.postgres.pid),
    broker: broker?.memoryMb() ?? 0,
  };
  const services = shop.services();
  await shop.stop();
  await broker?.stop();
  const profile = bench.profile
    ? [`${name}:`, ...statements, ...(await describeProfile(shop.profileDir, { services, fromMicros, toMicros }))]
    : [];
  return { orders, offered, memoryMb, profile };
}

async function placeInOne(bench: Bench): Promise<Placed> {
  const shop = await startShop(bench, { dataDir: join(bench.dir, 'one') });
  return {
    ...shop,
    metricsUrls: [shop.metricsUrl],
    cpuMs: () => ({ node: cpuMsOf(shop.pid), postgres: cpuMsOfFamily(shop.postgres.pid), broker: 0 }),
    nodeMb: () => shareMbOf(shop.pid),
    services: () => new Map([[shop.pid, 'stoa']]),
  };
}

async function placeInMany(bench: Bench, broker: BenchBroker | undefined): Promise<Placed> {
  const fleet = await startFleet(bench, {
    dataDir: join(bench.dir, broker ? 'rabbitmq' : 'local'),
    ...(broker && { environment: { STOA_TRANSPORT: broker.url } }),
  });
  const pids = () => [fleet.pid, ...fleet.processes().map(({ pid }) => pid)];
  const sum = (of: (pid: number) => number) => pids().reduce((all, pid) => all + of(pid), 0);
  return {
    ...fleet,
    metricsUrls: [...fleet.metricsUrls.values()],
    cpuMs: () => ({
      node: sum(cpuMsOf),
      postgres: cpuMsOfFamily(fleet.postgres.pid),
      broker: broker?.cpuMs() ?? 0,
    }),
    nodeMb: () => sum(shareMbOf),
    services: () => new Map(fleet.processes().map(({ pid, service }) => [pid, service])),
  };
}
