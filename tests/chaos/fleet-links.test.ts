// needs: rabbitmq redis
// limit: 600 s
// load: half
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRabbitServer, startRedisServer } from '@stoa/platform/testing';
import { serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import { type Link, Links } from '../fleet/links.ts';
import { until } from '../shop.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { Crowd, stockShelves } from './crowd.ts';
import { leaveHeld } from './leave-held.ts';

const ordersPerSecond = 2;
const customers = 6;
const slowMs = 150;
/** Until an order goes through again, from the moment at which the network is good. */
const healedMsMax = 45_000;
/** Everything says something within this: the quietest link is a heartbeat's, and a mail may wait behind those of the trouble before. */
const heldWithinMs = 90_000;
const countries = [
  'AT',
  'BE',
  'CH',
  'CZ',
  'DE',
  'DK',
  'ES',
  'FI',
  'FR',
  'HU',
  'IE',
  'IT',
  'LU',
  'NL',
  'NO',
  'PL',
  'PT',
];

/** Which links are bad together. */
interface Trouble {
  readonly between: string;
  readonly isBad: (from: string, to: string) => boolean;
  /** Whether orders go on while nothing gets through. */
  readonly goesOn?: boolean;
  /** How long nothing gets through at least: RabbitMQ's is longer than its heartbeats. */
  readonly holeMsMin?: number;
  /** What becomes of connections after they were slow: nothing, or they break, or each side is left with half of one. */
  readonly ends?: 'broken' | 'half-open';
  /** Has links used that are seldom used. */
  readonly provoke?: () => Promise<void>;
}

describe('a fleet on a bad network', () => {
  const servers: { stop(): Promise<void> }[] = [];
  let links: Links;
  let fleet: TestFleet;
  let crowd: Crowd;
  let received: ReadonlyMap<string, number>;
  let pace: NodeJS.Timeout;
  let customer: { readonly token: string; readonly email: string };
  let cart: string;

  before(async () => {
    links = await Links.open();
    const [rabbit, redis] = await Promise.all([startRabbitServer(), startRedisServer()]);
    servers.push(rabbit, redis);
    const own = new Map<string, Record<string, string>>();
    for (const service of serviceNames) {
      own.set(service, {
        STOA_TRANSPORT: await links.through(service, 'rabbit', rabbit.url),
        STOA_REDIS_URL: await links.through(service, 'redis', redis.url),
      });
    }
    fleet = await TestFleet.open({
      through: (from, to, url) => links.through(from, to, url),
      // Whoever knocks until every link has carried something asks more often than a customer may.
      environment: { STOA_LOG_LEVEL: 'error', STOA_RATE_LIMITS: 'off' },
      environmentOf: (service) => own.get(service) ?? {},
    });
    const { shop } = fleet;
    received = await stockShelves(shop);
    const email = 'regular@customer.example';
    customer = { token: await shop.register(email), email };
    const { token } = customer;
    ({ id: cart } = await shop.expect<{ id: string }>(201, 'POST', '/api/v1/carts', { token, body: {} }));
    await shop.expect(200, 'PUT', `/api/v1/carts/${cart}/items/PLENTY-0`, { token, body: { quantity: 1 } });
    crowd = new Crowd(shop, { ordersMax: Number.MAX_SAFE_INTEGER, customers });
    pace = setInterval(() => crowd.allow(1), 1_000 / ordersPerSecond);
  });
  after(async () => {
    clearInterval(pace);
    crowd?.leave();
    await fleet?.close();
    await links?.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  /** Somebody gets what he wanted, for which everybody's help is needed who takes part in an order. */
  async function orderGoesThrough(when: string, timeoutMs = healedMsMax): Promise<void> {
    crowd.check();
    const country = countries[Math.floor(Math.random() * countries.length)] as string;
    const tookMs = await crowd.buyOne({ timeoutMs, as: { token: customer.token, country } });
    console.log(`${when}: an order took ${Math.round(tookMs)} ms; ${crowd.acknowledged.size} so far`);
  }

  /** Asks for what makes the services ask each other, until every one of these links has had something to carry. Nobody minds the answers. */
  async function untilCarried(bad: readonly Link[], what: 'held' | 'slowed'): Promise<void> {
    const { shop } = fleet;
    const { token, email } = customer;
    const knock = () =>
      Promise.allSettled([
        shop.ask('GET', '/health', { timeoutMs: 2_000 }),
        shop.ask('GET', `/api/v1/carts/${cart}`, { token, timeoutMs: 2_000 }),
        shop.ask('GET', '/api/v1/users/me/export', { token, timeoutMs: 2_000 }),
        shop.ask('POST', '/api/v1/auth/password/forgot', { body: { email }, timeoutMs: 2_000 }),
      ]);
    const quiet = () => bad.filter(({ proxy }) => proxy[what] === 0).map(({ from, to }) => `${from} to ${to}`);
    await until(
      async () => {
        await knock();
        return quiet();
      },
      (left) => left.length === 0,
      heldWithinMs,
    );
    for (const link of bad) link[what === 'held' ? 'wasHeld' : 'wasSlowed'] = true;
  }

  const isService = (to: string) => serviceNames.includes(to);
  const isOf =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name);
  const buyers = isOf('order', 'inventory', 'payment');
  const troubles: Trouble[] = [
    { between: 'everybody and Redis', isBad: (_from, to) => to === 'redis', goesOn: true, ends: 'half-open' },
    { between: 'everybody and RabbitMQ', isBad: (_from, to) => to === 'rabbit', holeMsMin: 15_000, ends: 'broken' },
    ...oneByOne(),
    {
      between: 'the gateway and every service',
      isBad: (from, to) => from === 'gateway' && isService(to),
      ends: 'half-open',
    },
    {
      between: 'services that ask each other',
      isBad: (from, to) => from !== 'gateway' && isService(to),
      ends: 'half-open',
      provoke: inventoryAsks,
    },
    {
      between: 'those who sell and their servers',
      isBad: (from, to) => buyers(from) && !isService(to),
      ends: 'half-open',
    },
    {
      between: 'notification and its servers',
      isBad: (from, to) => from === 'notification' && !isService(to),
      goesOn: true,
    },
  ];

  for (const { between, isBad, goesOn = false, holeMsMin = 0, ends, provoke } of troubles) {
    it(`orders go on after the network between ${between} swallowed, slowed${ends ? ` and left connections ${ends}` : ''}`, async () => {
      const bad = links.between(isBad);
      const used = bad.filter((link) => links.isUsed(link));
      assert.ok(used.length > 0);
      try {
        const isOver = sleep(holeMsMin);
        for (const { proxy } of bad) proxy.blackhole();
        // Whoever orders now wants what the next one wants too: it goes through once it can.
        const meanwhile = orderGoesThrough(`nothing gets through between ${between}`, healedMsMax * 3);
        meanwhile.catch(() => undefined);
        await provoke?.();
        await untilCarried(used, 'held');
        if (goesOn) await meanwhile;
        await isOver;
        for (const { proxy } of bad) proxy.slow(slowMs);
        const slowly = orderGoesThrough(`it is slow between ${between}`, healedMsMax * 2);
        slowly.catch(() => undefined);
        await provoke?.();
        await untilCarried(used, 'slowed');
        await Promise.all([meanwhile, slowly]);
        for (const { proxy } of bad) {
          if (ends === 'broken') proxy.cut();
          if (ends === 'half-open') proxy.strand();
          else proxy.pass();
        }
        await orderGoesThrough(`it is well between ${between}`);
      } finally {
        for (const { proxy } of bad) proxy.pass();
      }
    });
  }

  /** Every service's way to RabbitMQ and to PostgreSQL is bad once without the others' being so; a few at a time. */
  function oneByOne(): Trouble[] {
    const groups = [
      ['user', 'order', 'gateway'],
      ['product', 'inventory', 'notification'],
      ['payment', 'shipping', 'analytics'],
    ];
    return groups.map((group, at) => {
      const others = groups[(at + 1) % groups.length] as string[];
      return {
        between: `RabbitMQ and ${group.join(', ')}, and PostgreSQL and ${others.join(', ')}`,
        isBad: (from, to) => (to === 'rabbit' && group.includes(from)) || (to === 'postgres' && others.includes(from)),
      };
    });
  }

  /** Inventory asks for orders at its start, and then once a minute: whether they have ended for which it still holds something. */
  async function inventoryAsks(): Promise<void> {
    const [orders, inventory] = await Promise.all([fleet.openDatabase('order'), fleet.openDatabase('inventory')]);
    try {
      await leaveHeld({ orders, inventory });
    } finally {
      await Promise.all([orders.close(), inventory.close()]);
    }
    for (const process of fleet.of('inventory')) {
      await process.end('SIGKILL');
      await process.start();
    }
  }

  it('every link that the shop uses was bad, and there is none that nobody knew of', () => {
    const name = ({ from, to }: Link) => `${from} to ${to}`;
    const used = links.between(() => true).filter((link) => links.isUsed(link));
    assert.deepEqual(links.unknown().map(name), []);
    assert.deepEqual(used.filter(({ wasHeld, wasSlowed }) => !(wasHeld && wasSlowed)).map(name), []);
    console.log(`${used.length} links: ${used.map(name).join(', ')}`);
  });

  it('every order that was acknowledged has ended, nothing else exists, stock and money add up', async () => {
    clearInterval(pace);
    crowd.enough();
    await crowd.served();
    await fleet.shop.settled().catch((error) => {
      throw new Error(`${error.message}\n${fleet.outputs()}`);
    });
    const acknowledged = [...crowd.acknowledged.values()];
    console.log(`${acknowledged.length} orders were acknowledged`);
    await accountFor(fleet.shop, acknowledged, received);
    await invariantsHold(fleet.shop);
    await verified(fleet.shop, acknowledged);
  });
});
