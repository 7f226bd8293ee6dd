import { deepEqual, match, ok, rejects } from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { type ShippingMethod, shippingContract } from '@stoa/contracts/shipping';
import { createClients } from '@stoa/platform/client';
import { readSettings } from '@stoa/platform/config';
import { createDiscovery, discoverySettings } from '@stoa/platform/discovery';
import { type HostedHttp, hostHttp } from '@stoa/platform/http';
import { createPolicies } from '@stoa/platform/resilience';
import type { Service, ServiceDefinition } from '@stoa/platform/service';
import { createMetrics } from '@stoa/platform/telemetry';
import { openTrust, trustSettings } from '@stoa/platform/trust';
import { pino } from 'pino';
import { ShippingPrices } from './shipping-prices.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  mock.reset();
  for (const close of closing.splice(0).reverse()) await close();
});

const quoted: ShippingMethod = {
  code: 'standard',
  title: 'Standard',
  price: { amount: 490, currency: 'EUR' },
  minDays: 2,
  maxDays: 4,
};
const waiting = (ms = 10_000) => ({ cause: { correlationId: 'c1' }, deadlineMs: Date.now() + ms });
const silent = pino({ level: 'silent' });

/** The shipping service's quotes behind a socket, and who asks for them. `answer` may be changed meanwhile. */
async function openShipping() {
  const shipping = { answer: async () => quoted };
  const { quoteShipping } = shippingContract.operations;
  const environment: Record<string, string> = { STOA_SERVICE_SECRET: 'a secret that only this test needs to know' };
  const settings = readSettings(environment, { ...discoverySettings, ...trustSettings });
  const trust = await openTrust(settings, { hosted: ['order'], log: silent });
  const hosted: HostedHttp = await hostHttp(
    {
      name: 'shipping',
      contract: { ...shippingContract, operations: { quoteShipping }, commands: {} },
      routes: { quoteShipping: async () => ({ body: await shipping.answer() }) },
    } as ServiceDefinition,
    { name: 'shipping', log: silent } as unknown as Service,
    { log: silent, callerOf: (request) => trust.callerOf(request) },
  );
  const { url } = await hosted.listen({ host: '127.0.0.1', port: 0 });
  const discovery = await createDiscovery(settings, { log: silent, environment, defaultUrl: () => url });
  const metrics = createMetrics({ ofProcess: false });
  const policies = createPolicies({ caller: 'order', metrics });
  const clients = createClients({ caller: 'order', local: new Map(), remote: { discovery, trust }, policies });
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line).msg) });
  closing.push(() => discovery.close());
  closing.push(() => clients.close());
  const prices = new ShippingPrices(clients.client(shippingContract), log);
  return { shipping, hosted, prices, metrics, lines };
}

/** What is kept here has become too old to be given without asking. */
function letQuotesAge(): void {
  const laterMs = performance.now() + 60_000;
  mock.method(performance, 'now', () => laterMs);
}

test('while the shipping service is gone its last quote for the same question holds, and log and metrics say so', async () => {
  const { hosted, prices, metrics, lines } = await openShipping();
  deepEqual(await prices.quote({ country: 'DE', currency: 'EUR' }, waiting()), quoted);
  await hosted.close(Date.now());
  letQuotesAge();
  deepEqual(await prices.quote({ country: 'DE', currency: 'EUR' }, waiting()), quoted);
  deepEqual(lines, ['a price of sending is the last one known']);
  match(await metrics.text(), /stoa_client_fallbacks_total\{service="shipping",operation="quoteShipping"\} 1/);
  await rejects(prices.quote({ country: 'FR', currency: 'EUR' }, waiting()), { code: 'service.unavailable' });
});

test('while the shipping service hangs its last quote comes in time for whoever waits ten seconds', async () => {
  const { shipping, hosted, prices } = await openShipping();
  await prices.quote({ country: 'DE', currency: 'EUR' }, waiting());
  const end = Promise.withResolvers<ShippingMethod>();
  closing.push(() => hosted.close(Date.now()));
  shipping.answer = () => end.promise;
  letQuotesAge();
  const asker = waiting();
  deepEqual(await prices.quote({ country: 'DE', currency: 'EUR' }, asker), quoted);
  ok(asker.deadlineMs - Date.now() > 5_000, 'most of the time is left for the order itself');
  end.resolve(quoted);
});
