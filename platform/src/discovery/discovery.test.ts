import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../config/index.ts';
import { findAppError } from '../errors/index.ts';
import { createLog } from '../telemetry/index.ts';
import { createDiscovery, discoverySettings } from './index.ts';

const log = createLog({ level: 'silent' });

function discover(environment: Record<string, string>, services?: readonly string[]) {
  return createDiscovery(readSettings(environment, discoverySettings), {
    log,
    environment,
    defaultUrl: () => 'http://127.0.0.1:4003',
    ...(services && { services }),
  });
}

function urlsOf(endpoints: readonly { readonly url: string }[]): string[] {
  return endpoints.map(({ url }) => url);
}

test('a service that no setting names is at its usual place', async () => {
  const discovery = await discover({});
  equal(discovery.acquire('order').url, 'http://127.0.0.1:4003');
});

test('the replicas of a service are those of its setting', async () => {
  const discovery = await discover({
    STOA_ORDER_URL: 'http://10.0.0.7:4003/, https://order.shop:4003,http://10.0.0.7:4003',
  });
  await discovery.ready('order');
  deepEqual(urlsOf(discovery.endpoints('order')), ['http://10.0.0.7:4003', 'https://order.shop:4003']);
  equal(discovery.acquire('order', 'http://10.0.0.7:4003').url, 'https://order.shop:4003');
});

test('registering does nothing where settings name the instances', async () => {
  const discovery = await discover({});
  const registration = await discovery.register({ service: 'order', url: 'http://127.0.0.1:9' });
  deepEqual(urlsOf(discovery.endpoints('order')), ['http://127.0.0.1:4003']);
  await registration.deregister();
  await discovery.close();
});

for (const text of [
  'order:4003',
  'http://',
  'http://order:4003/api',
  'ftp://order',
  'http://a,',
  'http://u:p@order:1',
]) {
  test(`the start refuses "${text}" as a service's URL and names the setting`, async () => {
    await rejects(discover({ STOA_ORDER_URL: text }, ['order']), (error) => {
      equal(findAppError(error)?.code, 'config.invalid');
      match(String(error), /STOA_ORDER_URL: must be URLs without a path/);
      return true;
    });
  });
}

test('an unknown way to discover is refused by its setting', async () => {
  await rejects(
    async () => discover({ STOA_DISCOVERY: 'zookeeper' }),
    /STOA_DISCOVERY: must be one of static, dns, consul/,
  );
});
