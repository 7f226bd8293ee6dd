import { deepEqual, rejects } from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { shippingContract } from '@stoa/contracts/shipping';
import { createClients } from '@stoa/platform/client';
import type { HostedHttp } from '@stoa/platform/http';
import { nobodyWaits } from '@stoa/platform/schema';
import { pino } from 'pino';
import { ShippingPrices } from './shipping-prices.ts';

afterEach(() => mock.reset());

const quoted = {
  code: 'standard',
  title: 'Standard',
  price: { amount: 490, currency: 'EUR' },
  minDays: 2,
  maxDays: 4,
};
const away = { code: 'service.unavailable', detail: 'shipping is away' };
const asker = { cause: { correlationId: 'c1' }, deadlineMs: nobodyWaits };

test('while the shipping service is away its last quote for the same question holds, and the log says so', async () => {
  const shipping = { isUp: true };
  const door = {
    invoke: async () => ({ status: shipping.isUp ? 200 : 503, headers: {}, body: shipping.isUp ? quoted : away }),
  } as unknown as HostedHttp;
  const lines: string[] = [];
  const clients = createClients({ caller: 'order', local: new Map([['shipping', door]]) });
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line).msg) });
  const prices = new ShippingPrices(clients.client(shippingContract), log);

  deepEqual(await prices.quote({ country: 'DE', currency: 'EUR' }, asker), quoted);
  shipping.isUp = false;
  const laterMs = performance.now() + 60_000;
  mock.method(performance, 'now', () => laterMs);
  deepEqual(await prices.quote({ country: 'DE', currency: 'EUR' }, asker), quoted);
  deepEqual(lines, ['a price of sending is the last one known']);
  await rejects(prices.quote({ country: 'FR', currency: 'EUR' }, asker), { code: 'service.unavailable' });
});
