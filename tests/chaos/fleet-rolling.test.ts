// needs: rabbitmq redis consul
// limit: 300 s
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import type { FleetProcess } from '../fleet/fleet-process.ts';
import { ImpatientCustomers } from '../fleet/impatient-customers.ts';
import { type RealServers, startRealServers } from '../fleet/real-servers.ts';
import { until } from '../shop.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { stockShelves } from './crowd.ts';

const replicas = 2;
const requestsPerSecond = 20;
const endsWithinMs = 10_000;

describe('a fleet of two replicas that is restarted process by process', () => {
  let servers: RealServers;
  let fleet: TestFleet;
  let customers: ImpatientCustomers;
  let received: ReadonlyMap<string, number>;

  before(async () => {
    servers = await startRealServers();
    fleet = await TestFleet.open({ replicas, environment: { ...servers.environment, STOA_DATABASE_CONNECTIONS: '8' } });
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
  });

  /** Waits until everybody can find all replicas, as whoever restarts them one by one has to. */
  async function allFound(service: string): Promise<void> {
    if (service === 'gateway') return fleet.ready();
    await until(
      async () => (await servers.consul.ask(`/v1/health/service/stoa-${service}?passing=1`)) as unknown[],
      (found) => found.length === replicas,
    );
  }

  /** Ends one process as its supervisor does, and starts it again. */
  async function restart(process: FleetProcess): Promise<void> {
    const startedMs = performance.now();
    await process.end('SIGTERM');
    const tookMs = performance.now() - startedMs;
    assert.equal(process.endedBy, '0', `${process.name} ended well:\n${process.output}`);
    assert.ok(tookMs < endsWithinMs, `${process.name} ended within ${Math.round(tookMs)} ms`);
    await process.start();
    await allFound(process.place.service);
    console.log(
      `${process.name}: ended in ${Math.round(tookMs)} ms, back after ${Math.round(performance.now() - startedMs)} ms; ${customers.requests} requests, ${customers.failures.length} failures`,
    );
  }

  for (const service of serviceNames) {
    it(`no request fails while the ${service} service is restarted`, async () => {
      for (const process of fleet.of(service)) await restart(process);
      assert.deepEqual(customers.failures, []);
    });
  }

  it('no order was lost, none was made twice, stock and money add up', async () => {
    await customers.leave();
    assert.deepEqual(customers.failures, []);
    await fleet.shop.settled(60_000).catch((error) => {
      throw new Error(`${error.message}\n${fleet.outputs()}`);
    });
    console.log(`${customers.requests} requests, ${customers.acknowledged.length} orders`);
    await accountFor(fleet.shop, customers.acknowledged, received);
    await invariantsHold(fleet.shop);
    await verified(fleet.shop, customers.acknowledged);
  });
});
