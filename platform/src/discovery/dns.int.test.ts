// needs: consul
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { readSettings } from '../config/index.ts';
import { createLog } from '../telemetry/index.ts';
import { type ConsulServer, startConsulServer } from '../testing/index.ts';
import { createDiscovery, type Discovery, discoverySettings } from './index.ts';
import { until } from './testing/until.ts';

const log = createLog({ level: 'silent' });
let consul: ConsulServer;
let opened: { close(): Promise<void> }[] = [];

before(async () => {
  consul = await startConsulServer();
});
after(async () => consul.stop());
afterEach(async () => {
  for (const thing of opened.reverse()) await thing.close();
  opened = [];
});

async function discover(given: Record<string, string> = {}): Promise<Discovery> {
  const environment = {
    STOA_DISCOVERY: 'dns',
    STOA_DNS_DOMAIN: 'stoa-*.service.consul',
    STOA_DNS_SERVERS: consul.dns,
    STOA_DNS_INTERVAL: '100ms',
    ...given,
  };
  const discovery = await createDiscovery(readSettings(environment, discoverySettings), {
    log,
    environment,
    defaultUrl: () => 'https://127.0.0.1:1',
  });
  opened.push(discovery);
  return discovery;
}

async function register(server: ConsulServer, name: string, address: string, port: number): Promise<void> {
  const body = { ID: `${name}-${address}-${port}`, Name: name, Address: address, Port: port, Tags: ['http'] };
  await server.ask('/v1/agent/service/register', 'PUT', body);
}

function sees(discovery: Discovery, service: string, ...urls: readonly string[]): Promise<unknown> {
  const seen = () =>
    discovery
      .endpoints(service)
      .map(({ url }) => url)
      .sort();
  return until(seen, (found) => JSON.stringify(found) === JSON.stringify([...urls].sort()));
}

test('instances are those of the SRV records, with addresses and ports, and changes are seen', async () => {
  await register(consul, 'stoa-order', '127.0.0.1', 4003);
  await register(consul, 'stoa-order', '127.0.0.2', 5003);
  const discovery = await discover();
  await discovery.ready('order');
  deepEqual(
    discovery
      .endpoints('order')
      .map(({ url }) => url)
      .sort(),
    ['https://127.0.0.1:4003', 'https://127.0.0.2:5003'],
  );
  equal(discovery.problem('order'), undefined);
  await consul.ask('/v1/agent/service/deregister/stoa-order-127.0.0.1-4003', 'PUT');
  await sees(discovery, 'order', 'https://127.0.0.2:5003');
  await register(consul, 'stoa-order', '::1', 6003);
  await sees(discovery, 'order', 'https://127.0.0.2:5003', 'https://[::1]:6003');
});

test('a domain without a star is asked in the form of RFC 2782', async () => {
  await register(consul, 'stoa', '127.0.0.1', 4002);
  const discovery = await discover({ STOA_DNS_DOMAIN: 'service.consul' });
  await discovery.ready('product');
  match(discovery.problem('product') ?? '', /^there are no SRV records _http\._tcp\.product\.service\.consul$/);
  const rfc = await discover({ STOA_DNS_DOMAIN: '_*._http.service.consul' });
  await sees(rfc, 'stoa', 'https://127.0.0.1:4002');
});

test('the last list holds when there are no records any more', async () => {
  await register(consul, 'stoa-user', '127.0.0.1', 4001);
  const discovery = await discover();
  await sees(discovery, 'user', 'https://127.0.0.1:4001');
  await consul.ask('/v1/agent/service/deregister/stoa-user-127.0.0.1-4001', 'PUT');
  await until(
    () => discovery.problem('user'),
    (problem) => /no SRV records/.test(problem ?? ''),
  );
  equal(discovery.acquire('user').url, 'https://127.0.0.1:4001');
});

test('the last list holds while no DNS server answers', async () => {
  const own = await startConsulServer();
  opened.push({ close: own.stop });
  await register(own, 'stoa-order', '127.0.0.1', 4003);
  const discovery = await discover({ STOA_DNS_SERVERS: own.dns });
  await sees(discovery, 'order', 'https://127.0.0.1:4003');
  await own.kill();
  await until(
    () => discovery.problem('order'),
    (problem) => /ECONNREFUSED|ETIMEOUT/.test(problem ?? ''),
  );
  equal(discovery.acquire('order').url, 'https://127.0.0.1:4003');
  await own.start();
  await register(own, 'stoa-order', '127.0.0.1', 7003);
  await sees(discovery, 'order', 'https://127.0.0.1:7003');
  equal(discovery.problem('order'), undefined);
});

test('a service that comes up after the first look is found', async () => {
  const discovery = await discover();
  await discovery.ready('late');
  equal(discovery.endpoints('late').length, 0);
  await register(consul, 'stoa-late', '127.0.0.1', 4009);
  await sees(discovery, 'late', 'https://127.0.0.1:4009');
});

test('the start refuses a resolver that is not an address, and a missing domain', async () => {
  await rejects(
    discover({ STOA_DNS_SERVERS: 'dns.example' }),
    /STOA_DNS_SERVERS: must be addresses like .*, got "dns.example"/,
  );
  await rejects(discover({ STOA_DNS_DOMAIN: '' }), /STOA_DNS_DOMAIN: must be given with STOA_DISCOVERY=dns/);
});
