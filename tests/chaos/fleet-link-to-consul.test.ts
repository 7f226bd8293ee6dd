// needs: consul
// limit: 300 s
// load: half
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ConsulServer, freePort, startConsulServer } from '@stoa/platform/testing';
import { serviceNames } from '@stoa/system';
import { TestFleet } from '../fleet/fleet.ts';
import { Links } from '../fleet/links.ts';
import { until } from '../shop.ts';
import { invariantsHold, verified } from './account-for.ts';
import { Crowd, stockShelves } from './crowd.ts';

const slowMs = 150;
/** Every process asks Consul every 2 s whether it is still registered. */
const heldWithinMs = 40_000;
/** A question to Consul that waits for changes is given up after 37 s, and then there may be a pause. */
const foundWithinMs = 60_000;

describe('a fleet whose network to Consul is bad', () => {
  let consul: ConsulServer;
  let links: Links;
  let fleet: TestFleet;
  let crowd: Crowd;

  before(async () => {
    consul = await startConsulServer();
    links = await Links.open();
    const own = new Map<string, Record<string, string>>();
    for (const service of serviceNames)
      own.set(service, { STOA_DISCOVERY: `consul:${await links.through(service, 'consul', consul.url)}` });
    fleet = await TestFleet.open({
      environment: { STOA_LOG_LEVEL: 'error' },
      environmentOf: (service) => own.get(service) ?? {},
    });
    await stockShelves(fleet.shop);
    crowd = new Crowd(fleet.shop, { ordersMax: Number.MAX_SAFE_INTEGER, customers: 1 });
  });
  after(async () => {
    crowd?.leave();
    await fleet?.close();
    await links?.close();
    await consul?.stop();
  });

  const proxies = () => links.between((_from, to) => to === 'consul').map(({ proxy }) => proxy);
  const allHave = (what: 'held' | 'slowed') =>
    until(
      async () => proxies().filter((proxy) => proxy[what] === 0).length,
      (quiet) => quiet === 0,
      heldWithinMs,
    );

  /** Starts a service somewhere else, which only Consul can tell the others. */
  async function moves(service: string): Promise<void> {
    const [process] = fleet.of(service);
    assert.ok(process);
    await process.end('SIGKILL');
    await process.start({ [`STOA_${service.toUpperCase()}_PORT`]: String(await freePort()) });
  }

  it('orders go on while nothing gets through to Consul: the last list holds', async () => {
    for (const proxy of proxies()) proxy.blackhole();
    await allHave('held');
    await crowd.buyOne();
  });

  it('orders go on while Consul is slow, and a service that moves is found', async () => {
    for (const proxy of proxies()) proxy.slow(slowMs);
    await allHave('slowed');
    await moves('inventory');
    await crowd.buyOne({ timeoutMs: foundWithinMs });
  });

  it('a service that moves is found after every connection with Consul was left half-open', async () => {
    for (const proxy of proxies()) proxy.strand();
    await moves('payment');
    await crowd.buyOne({ timeoutMs: foundWithinMs });
    for (const proxy of proxies()) proxy.pass();
  });

  it('every order that was acknowledged has ended well', async () => {
    assert.equal(proxies().length, serviceNames.length);
    await fleet.shop.settled();
    await invariantsHold(fleet.shop);
    await verified(fleet.shop, [...crowd.acknowledged.values()]);
  });
});
