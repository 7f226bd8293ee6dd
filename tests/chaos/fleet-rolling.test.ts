// needs: rabbitmq redis consul
// limit: 420 s
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import type { FleetProcess } from '../fleet/fleet-process.ts';
import { ImpatientCustomers } from '../fleet/impatient-customers.ts';
import { makeCertificates } from '../fleet/make-certificates.ts';
import { columnAdded, makeNextVersion, messageAdded, type NextVersion } from '../fleet/next-version.ts';
import { type RealServers, startRealServers } from '../fleet/real-servers.ts';
import { until } from '../shop.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { stockShelves } from './crowd.ts';

const replicas = 2;
const requestsPerSecond = 25;
const endsWithinMs = 10_000;
/** Requests that are answered while one process is restarted, which takes a second at the least. */
const answersMin = 20;
/** What the next version changes, in the order in which it comes. The others come in it beside all of these as they were. */
const changing = ['order', 'notification', 'analytics'];

type Pair = readonly [FleetProcess, FleetProcess];

describe('a fleet of two replicas, whose processes show each other certificates, that is restarted process by process', () => {
  let servers: RealServers;
  let fleet: TestFleet;
  let customers: ImpatientCustomers;
  let next: NextVersion;
  let received: ReadonlyMap<string, number>;
  let certificates: string;

  before(async () => {
    next = await makeNextVersion();
    servers = await startRealServers();
    certificates = await mkdtemp(join(tmpdir(), 'stoa-rolling-'));
    await makeCertificates(certificates);
    fleet = await TestFleet.open({
      replicas,
      certificates,
      environment: { ...servers.environment, STOA_DATABASE_CONNECTIONS: '8' },
    });
    received = await stockShelves(fleet.shop);
    for (const service of serviceNames) await allFound(service);
    customers = new ImpatientCustomers({
      urls: fleet.of('gateway').map(({ place }) => `http://127.0.0.1:${place.port}`),
      adminToken: fleet.shop.adminToken,
      perSecond: requestsPerSecond,
      sku: (at) => `PLENTY-${at % 7}`,
    });
  });
  after(async () => {
    await customers?.leave();
    await fleet?.close();
    await servers?.stop();
    await next?.remove();
    await rm(certificates, { recursive: true, force: true });
  });

  /** Waits until everybody can find all replicas, as whoever restarts them one by one has to. */
  async function allFound(service: string): Promise<void> {
    if (service === 'gateway') return fleet.ready();
    await until(
      async () => (await servers.consul.ask(`/v1/health/service/stoa-${service}?passing=1`)) as unknown[],
      (found) => found.length === replicas,
    );
  }

  /** Whether Consul still has an instance of the service at this port, be it well or not. */
  async function isListed(service: string, port: number): Promise<boolean> {
    const answer = await fetch(`${servers.consul.url}/v1/catalog/service/stoa-${service}`);
    return ((await answer.json()) as { ServicePort: number }[]).some(({ ServicePort }) => ServicePort === port);
  }

  /** Ends one process as its supervisor does, and starts it again. */
  async function restart(process: FleetProcess): Promise<void> {
    const { services, port } = process.place;
    const [service = ''] = services;
    const answeredBefore = customers.answered;
    if (service !== 'gateway') assert.ok(await isListed(service, port), `${process.name} is known to Consul`);
    const startedMs = performance.now();
    await process.end('SIGTERM');
    // Consul itself would take it out after a minute: only the process can have said that it goes.
    assert.equal(await isListed(service, port), false, `${process.name} took itself out`);
    const tookMs = performance.now() - startedMs;
    assert.equal(process.endedBy, '0', `${process.name} ended well:\n${process.output}`);
    assert.ok(tookMs < endsWithinMs, `${process.name} ended within ${Math.round(tookMs)} ms`);
    await process.start();
    for (const hosted of services) await allFound(hosted);
    const answered = customers.answered - answeredBefore;
    assert.ok(answered >= answersMin, `${answered} requests were answered meanwhile`);
    console.log(
      `${process.name}: ended in ${Math.round(tookMs)} ms, back after ${Math.round(performance.now() - startedMs)} ms; ${customers.requests} requests, ${customers.failures.length} failures`,
    );
  }

  async function upgrade(process: FleetProcess): Promise<void> {
    process.program = next.program;
    await restart(process);
  }

  async function sql<R extends object>(service: string, statement: string): Promise<R[]> {
    const database = await fleet.openDatabase(service);
    try {
      return await database.query<R>(statement, []);
    } finally {
      await database.close();
    }
  }

  /** Messages of the new version that a service has put aside. */
  async function parked(service: string): Promise<number> {
    const rows = await sql(service, `select id from kit.inbox where type = '${messageAdded}'`);
    return rows.length;
  }

  for (const service of serviceNames) {
    const isChanging = changing.includes(service);
    it(`no request fails while the ${service} service is restarted${isChanging ? '' : ' in its next version'}`, async () => {
      const ordersBefore = customers.acknowledged.length;
      for (const process of fleet.of(service)) await (isChanging ? restart(process) : upgrade(process));
      assert.deepEqual(customers.failures.splice(0), []);
      assert.ok(customers.acknowledged.length > ordersBefore, 'orders were taken meanwhile');
    });
  }

  it('no request fails while version N + 1 comes beside N, with a migration and a message that N does not know', async () => {
    const pairs = changing.map((service) => fleet.of(service));
    const [[order, otherOrder], ...hearers] = pairs as [Pair, ...Pair[]];
    await upgrade(order);
    const columns = await sql<{ name: string }>(
      'order',
      `select column_name as name from information_schema.columns where table_name = 'orders'`,
    );
    assert.ok(
      columns.some(({ name }) => name === columnAdded),
      'the migration was carried out',
    );
    // An older program starts on the newer schema too. Meanwhile the newer one is the only one, and the one that goes on consuming.
    await restart(otherOrder);
    await until(
      () => parked('notification'),
      (count) => count > 0,
    );
    for (const [hearer] of hearers) await upgrade(hearer);
    for (const [, hearer] of hearers) await upgrade(hearer);
    await upgrade(otherOrder);
    for (const service of ['notification', 'analytics'])
      await until(
        () => parked(service),
        (count) => count === 0,
      );
    assert.deepEqual(customers.failures.splice(0), []);
  });

  it('no order was lost, none was made twice, stock and money add up', async () => {
    await customers.leave();
    assert.deepEqual(customers.failures.splice(0), []);
    await fleet.shop.settled().catch((error) => {
      throw new Error(`${error.message}\n${fleet.outputs()}`);
    });
    console.log(`${customers.requests} requests, ${customers.acknowledged.length} orders`);
    await accountFor(fleet.shop, customers.acknowledged, received);
    await invariantsHold(fleet.shop);
    await verified(fleet.shop, customers.acknowledged);
    const mails = await sql<{ id: string; outcome: string }>(
      'notification',
      `select order_id as id, outcome from mail where template = 'order-confirmed' order by order_id`,
    );
    assert.deepEqual(
      mails.map(({ id, outcome }) => `${id} ${outcome}`),
      customers.acknowledged.map(({ id }) => `${id} sent`).sort(),
      'everybody got one mail, whichever version told of the order',
    );
  });
});
