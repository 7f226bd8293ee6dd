// needs: rabbitmq redis consul
// limit: 720 s
// load: half
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@stoa/platform/ids';
import { serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import type { FleetProcess } from '../fleet/fleet-process.ts';
import { putInQueues, type Stray } from '../fleet/put-in-queue.ts';
import { type RealServers, startRealServers } from '../fleet/real-servers.ts';
import { refuses } from '../fleet/refuses.ts';
import { until } from '../shop.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { Crowd, stockShelves } from './crowd.ts';

const ordersPerSecond = 5;
const customers = 12;
const killsAtRandom = 6;
const stoppedMs = 10_000;
const ordersWithoutMails = 150;
/** Orders of people who ask once, while something is dead that nobody should miss. */
const ordersAskedOnce = 20;
const emptiedTimes = 10;
/** Orders of the crowd that are confirmed after a fault, before the next one. */
const ordersBetweenFaults = 3;
/** Until an order goes through again, from the moment at which what was away is back. */
const healedMsMax = 30_000;

describe('a fleet whose parts die under it', () => {
  let servers: RealServers;
  let fleet: TestFleet;
  let crowd: Crowd;
  let received: ReadonlyMap<string, number>;
  let pace: NodeJS.Timeout;
  let poison: string[];

  before(async () => {
    servers = await startRealServers();
    fleet = await TestFleet.open({ environment: { ...servers.environment, STOA_LOG_LEVEL: 'error' } });
    received = await stockShelves(fleet.shop);
    crowd = new Crowd(fleet.shop, { ordersMax: Number.MAX_SAFE_INTEGER, customers });
    pace = setInterval(() => crowd.allow(1), 1_000 / ordersPerSecond);
  });
  after(async () => {
    clearInterval(pace);
    crowd?.leave();
    await fleet?.close();
    await servers?.stop();
  });

  /** Orders go on: somebody gets what he wanted, and so does the crowd. */
  async function heals(from: string): Promise<void> {
    crowd.check();
    const [orderMs] = await Promise.all([
      crowd.buyOne({ timeoutMs: healedMsMax }),
      crowd.confirms(ordersBetweenFaults, healedMsMax),
    ]);
    console.log(`${from}: an order went through after ${Math.round(orderMs)} ms; ${crowd.acknowledged.size} so far`);
  }

  /** Nobody who asks only once hears of a trouble of the shop, and each gets what he wanted. */
  async function servesEverybody(
    orders: number,
    when: string,
    meanwhile: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    const buying: Promise<number>[] = [];
    for (let at = 0; at < orders; at++) {
      const bought = crowd.buyOne({ insists: false });
      // Told at the end, with all the others.
      bought.catch(() => undefined);
      buying.push(bought);
      await Promise.all([meanwhile(), sleep(1_000 / ordersPerSecond / 3)]);
    }
    const tookMs = await Promise.all(buying);
    console.log(`${when}: the slowest of ${tookMs.length} orders took ${Math.round(Math.max(...tookMs))} ms`);
  }

  async function endedAtOnce(process: FleetProcess): Promise<void> {
    const { pid } = process;
    assert.ok(process.isRunning && pid > 0, `${process.name} ran before`);
    await process.end('SIGKILL');
    assert.equal(process.endedBy, 'SIGKILL');
    assert.equal(process.state, '', `${process.name} is gone`);
    await isGone(process.place.port);
  }

  /** A system that is busy takes its time to close what a killed process had open. */
  async function isGone(place: string | number): Promise<void> {
    await until(
      () => refuses(place),
      (isRefused) => isRefused,
      5_000,
    );
  }

  async function killed(service: string): Promise<void> {
    const [process] = fleet.of(service);
    assert.ok(process);
    await endedAtOnce(process);
    await process.start();
  }

  it('orders go on while messages that are poison are tried again and again', async () => {
    poison = await putInQueues(servers.rabbit.url, strays());
    await Promise.all(Array.from({ length: 20 }, () => crowd.buyOne({ timeoutMs: 10_000 })));
    const { inbox } = await fleet.shop.backlog();
    assert.ok(inbox > 0, 'they are still tried');
  });

  for (const service of serviceNames) {
    it(`orders go on after the ${service} service was killed`, async () => {
      await killed(service);
      await heals(`${service} was killed`);
    });
  }

  it('orders go on after services were killed at random, two at a time', async () => {
    for (let kill = 0; kill < killsAtRandom / 2; kill++) {
      const [one, other] = shuffled(serviceNames);
      assert.ok(one && other);
      await Promise.all([killed(one), killed(other)]);
      await heals(`${one} and ${other} were killed`);
    }
  });

  it('orders go on after a service stood still for ten seconds', async () => {
    for (const still of [
      ['order', 'analytics'],
      ['payment', 'notification', 'user'],
      ['inventory', 'product'],
      ['gateway', 'shipping'],
    ]) {
      const processes = still.flatMap((service) => fleet.of(service));
      const areAll = (wanted: RegExp) =>
        until(
          async () => processes.map(({ state }) => state),
          (states) => states.every((state) => wanted.test(state)),
          5_000,
        );
      for (const process of processes) process.signal('SIGSTOP');
      await areAll(/^T$/);
      await sleep(stoppedMs);
      await areAll(/^T$/);
      for (const process of processes) process.signal('SIGCONT');
      await areAll(/^[RSD]$/);
      await heals(`${still.join(' and ')} stood still`);
    }
  });

  it('orders go on after RabbitMQ was killed', async () => {
    await servers.rabbit.kill();
    await isGone(servers.rabbit.port);
    await servers.rabbit.start();
    await heals('RabbitMQ was killed');
  });

  it('orders go on without a failure while Redis is emptied again and again', async () => {
    let emptied = 0;
    const empty = async () => {
      if (!/^:[1-9]/.test(await servers.redis.send('DBSIZE'))) return;
      assert.match(await servers.redis.send('FLUSHALL'), /^\+OK/);
      emptied++;
    };
    await servesEverybody(ordersAskedOnce, 'Redis is emptied', empty);
    assert.ok(emptied >= emptiedTimes, `it was emptied ${emptied} times`);
    await heals('Redis was emptied');
  });

  it('orders go on without a failure while Redis is dead, and after', async () => {
    await servers.redis.kill();
    await isGone(servers.redis.port);
    await servesEverybody(ordersAskedOnce, 'Redis is dead');
    await heals('Redis is dead');
    assert.ok(await refuses(servers.redis.port), 'it has been dead all the time');
    await servers.redis.start();
    await heals('Redis is back, empty');
  });

  it('orders go on without a failure while Consul is dead, and after it came back without its data', async () => {
    await servers.consul.kill();
    await isGone(servers.consul.url);
    await servesEverybody(ordersAskedOnce, 'Consul is dead');
    await heals('Consul is dead');
    assert.ok(await refuses(servers.consul.url), 'it has been dead all the time');
    await servers.consul.start();
    await heals('Consul is back, empty');
    await killed('inventory');
    await heals('inventory is found again');
  });

  it('orders go on after PostgreSQL was killed', async () => {
    const { ended, begun } = await fleet.restartPostgres();
    assert.notEqual(ended, begun, 'it is another process now');
    await heals('PostgreSQL was killed');
  });

  it('check-out goes on without a failure while notification and analytics are dead', async () => {
    const idle = ['notification', 'analytics'].flatMap((service) => fleet.of(service));
    await Promise.all(idle.map(endedAtOnce));
    await servesEverybody(ordersWithoutMails, 'without mails');
    // Whoever sends requests to gateways by their readiness goes on too.
    const { body: health } = await fleet.shop.ask<{ status: string }>('GET', '/health');
    const { status: readiness } = await fleet.shop.ask('GET', '/health/ready');
    assert.deepEqual([health.status, readiness], ['degraded', 200]);
    await Promise.all(idle.map((process) => process.start()));
  });

  it('what was poison is dead or parked, and nothing else is', async () => {
    const letters = await until(deadLetters, (found) => found.length >= poison.length, 90_000);
    assert.equal(letters.length, poison.length, JSON.stringify(letters));
    for (const state of ['dead', 'parked'])
      assert.ok(
        letters.some((letter) => letter.state === state),
        state,
      );
    await fleet.shop.expectAdmin(200, 'POST', '/api/v1/ops/dead-letters/skip', {
      key: newId(),
      body: { ids: letters.map(({ id }) => id), reason: 'nobody of ours sent them' },
    });
    assert.deepEqual(await deadLetters(), []);
  });

  it('every order that was acknowledged has ended, nothing else exists, stock and money add up', async () => {
    clearInterval(pace);
    crowd.enough();
    await crowd.served();
    await fleet.shop.settled().catch(async (error) => {
      throw new Error(`${error.message}\n${JSON.stringify(await deadLetters())}\n${fleet.outputs()}`);
    });
    const acknowledged = [...crowd.acknowledged.values()];
    console.log(`${acknowledged.length} orders were acknowledged`);
    await accountFor(fleet.shop, acknowledged, received);
    await invariantsHold(fleet.shop);
    await verified(fleet.shop, acknowledged);
  });

  async function deadLetters(): Promise<{ id: string; state: string }[]> {
    return (
      await fleet.shop.expectAdmin<{ items: { id: string; state: string }[] }>(
        200,
        'GET',
        '/api/v1/ops/dead-letters?limit=100',
      )
    ).items;
  }
});

/** For every service something that is no message and something of a version that nobody knows; for some what has not the shape of its type. */
function strays(): Stray[] {
  const inner = serviceNames.filter((service) => service !== 'gateway');
  const step = { saga: newId(), step: 'reserve', replyTo: 'order', mode: 'do' };
  return [
    { service: 'order', content: randomBytes(5_000_000) },
    ...inner.map((service) => ({ service, content: Buffer.from(`{"for": "${service}", `) })),
    ...inner.map((service) => ({ service, content: { type: 'order.placed.v99', key: newId(), payload: {} } })),
    ...['notification', 'analytics'].map((service) => ({
      service,
      content: { type: 'order.confirmed.v1', key: newId(), payload: { orderId: 7 } },
    })),
    { service: 'inventory', content: { type: 'stock.reserve.v1', key: newId(), payload: { lines: 'many' }, step } },
  ];
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
