// needs: rabbitmq redis
// limit: 360 s
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRabbitServer, startRedisServer } from '@stoa/platform/testing';
import { serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import { openTcpProxy, type TcpProxy } from '../fleet/tcp-proxy.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { Crowd, stockShelves } from './crowd.ts';

const ordersPerSecond = 4;
const customers = 10;
const cutMs = 1_000;
const slowMs = 150;
/** Until an order goes through again, from the moment at which the network is good. */
const healedMsMax = 45_000;

/** Which links are bad together, for how long nothing gets through, and whether orders go on meanwhile. RabbitMQ's is longer than its heartbeats. */
const troubles = [
  { between: 'everybody and Redis', isBad: (_from: string, to: string) => to === 'redis', goesOn: true, holeMs: 4_000 },
  {
    between: 'everybody and RabbitMQ',
    isBad: (_from: string, to: string) => to === 'rabbit',
    goesOn: false,
    holeMs: 15_000,
  },
  {
    between: 'inventory and RabbitMQ',
    isBad: (from: string, to: string) => from === 'inventory' && to === 'rabbit',
    goesOn: false,
    holeMs: 4_000,
  },
  {
    between: 'the gateway and order',
    isBad: (from: string, to: string) => from === 'gateway' && to === 'order',
    goesOn: false,
    holeMs: 4_000,
  },
  {
    between: 'order and its neighbours',
    isBad: (from: string, to: string) => from === 'order' && serviceNames.includes(to),
    goesOn: false,
    holeMs: 4_000,
  },
  {
    between: 'order and PostgreSQL',
    isBad: (from: string, to: string) => from === 'order' && to === 'postgres',
    goesOn: false,
    holeMs: 8_000,
  },
  {
    between: 'payment and PostgreSQL',
    isBad: (from: string, to: string) => from === 'payment' && to === 'postgres',
    goesOn: false,
    holeMs: 4_000,
  },
  {
    between: 'notification and everybody',
    isBad: (from: string) => from === 'notification',
    goesOn: true,
    holeMs: 4_000,
  },
] as const;

describe('a fleet on a bad network', () => {
  const links = new Map<string, { readonly from: string; readonly to: string; readonly proxy: TcpProxy }>();
  const servers: { stop(): Promise<void> }[] = [];
  let fleet: TestFleet;
  let crowd: Crowd;
  let received: ReadonlyMap<string, number>;
  let pace: NodeJS.Timeout;

  /** The same URL through a proxy of this link's own. */
  async function through(from: string, to: string, url: string): Promise<string> {
    const changed = new URL(url);
    const proxy = await openTcpProxy({ host: changed.hostname, port: Number(changed.port) });
    links.set(`${from} ${to}`, { from, to, proxy });
    changed.host = `127.0.0.1:${proxy.port}`;
    return to === 'postgres' || to === 'rabbit' || to === 'redis' ? changed.href : changed.origin;
  }

  before(async () => {
    const [rabbit, redis] = await Promise.all([startRabbitServer(), startRedisServer()]);
    servers.push(rabbit, redis);
    const own = new Map<string, Record<string, string>>();
    for (const service of serviceNames) {
      own.set(service, {
        STOA_TRANSPORT: await through(service, 'rabbit', rabbit.url),
        STOA_REDIS_URL: await through(service, 'redis', redis.url),
      });
    }
    fleet = await TestFleet.open({
      through,
      environment: { STOA_LOG_LEVEL: 'error' },
      environmentOf: (service) => own.get(service) ?? {},
    });
    received = await stockShelves(fleet.shop);
    crowd = new Crowd(fleet.shop, { ordersMax: Number.MAX_SAFE_INTEGER, customers });
    pace = setInterval(() => crowd.allow(1), 1_000 / ordersPerSecond);
  });
  after(async () => {
    clearInterval(pace);
    crowd?.leave();
    await fleet?.close();
    await Promise.all([...links.values()].map(({ proxy }) => proxy.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function orderGoesThrough(when: string): Promise<void> {
    crowd.check();
    const tookMs = await crowd.buyOne({ timeoutMs: healedMsMax });
    console.log(`${when}: an order took ${Math.round(tookMs)} ms; ${crowd.acknowledged.size} so far`);
  }

  for (const { between, isBad, goesOn, holeMs } of troubles) {
    it(`orders go on after the network between ${between} swallowed, slowed and cut`, async () => {
      const bad = [...links.values()].filter(({ from, to }) => isBad(from, to)).map(({ proxy }) => proxy);
      assert.ok(bad.length > 0);
      const isOver = sleep(holeMs);
      for (const proxy of bad) proxy.blackhole();
      if (goesOn) await orderGoesThrough(`nothing gets through between ${between}`);
      await isOver;
      for (const proxy of bad) proxy.slow(slowMs);
      await orderGoesThrough(`it is slow between ${between}`);
      for (const proxy of bad) proxy.cut();
      await sleep(cutMs);
      for (const proxy of bad) proxy.pass();
      await orderGoesThrough(`it is well between ${between}`);
    });
  }

  it('every order that was acknowledged has ended, nothing else exists, stock and money add up', async () => {
    clearInterval(pace);
    crowd.enough();
    await crowd.served();
    await fleet.shop.settled(60_000).catch((error) => {
      throw new Error(`${error.message}\n${fleet.outputs()}`);
    });
    const acknowledged = [...crowd.acknowledged.values()];
    console.log(`${acknowledged.length} orders were acknowledged`);
    await accountFor(fleet.shop, acknowledged, received);
    await invariantsHold(fleet.shop);
    await verified(fleet.shop, acknowledged);
  });
});
