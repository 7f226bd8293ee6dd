import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@stoa/platform/testing';
import type { OrdersPlaced, PlaceOrders } from '../clients/place-orders.ts';
import { fillShop } from '../harness/catalogue.ts';
import { collectGarbage } from '../harness/inspector.ts';
import { ask, memoryMbOf } from '../harness/processes.ts';
import type { Scenario } from '../harness/scenario.ts';
import { type Shop, startShop } from '../harness/shop.ts';
import { asAdmin, untilIdle } from '../harness/shop-api.ts';
import { slopeOf } from '../harness/slope.ts';

const ordersPerSample = 1_000;
const restMs = 2_000;

export const startup: Scenario = {
  about: 'the first start on an empty data directory with the demo, the second start, and the memory that orders take',
  async run(bench) {
    const dataDir = join(bench.dir, 'shop');
    bench.say('first start');
    const first = await startShop(bench, { dataDir, demo: true });
    await first.stop();
    const again: Shop[] = [];
    for (let n = 0; n < (bench.quick ? 1 : 3); n++) {
      bench.say('next start');
      const next = await startShop(bench, { dataDir, demo: true });
      again.push(next);
      await next.stop();
    }

    const inspectPort = await freePort();
    const shop = await startShop(bench, { dataDir, demo: true, nodeFlags: [`--inspect=127.0.0.1:${inspectPort}`] });
    const admin = await asAdmin(shop);
    const products = await fillShop(admin, 200, 500_000);
    const skus = products.map(({ sku }) => sku);
    const samples: { resident: number; kept: number }[] = [];
    const samplesMax = 1 + (bench.quick ? 5 : 20);
    for (let n = 0; n < samplesMax; n++) {
      const load: PlaceOrders = { url: shop.url, skus, run: `memory-${n}`, orders: ordersPerSample, clients: 32 };
      const { outcomes, firstFailure } = await ask<OrdersPlaced>(bench, 'clients/place-orders.ts', load);
      if (outcomes.confirmed !== ordersPerSample) throw new Error(`${JSON.stringify(outcomes)} ${firstFailure ?? ''}`);
      await untilIdle(admin);
      await sleep(restMs);
      const resident = memoryMbOf(shop.pid).now;
      await collectGarbage(inspectPort);
      const kept = memoryMbOf(shop.pid).now;
      samples.push({ resident, kept });
      bench.say(
        `${(n + 1) * ordersPerSample} orders: ${resident.toFixed(0)} MB, ${kept.toFixed(0)} MB after collecting`,
      );
    }
    const { peak } = memoryMbOf(shop.pid);
    const later = samples.slice(1);
    return {
      figures: [
        { name: 'first start to ready', value: first.readyMs / 1000, unit: 's', target: { atMost: 15 } },
        { name: 'first start until the demo is in', value: first.openMs / 1000, unit: 's' },
        {
          name: 'second start to ready',
          value: Math.max(...again.map((shop) => shop.readyMs)) / 1000,
          unit: 's',
          target: { atMost: 3 },
        },
        {
          name: 'second start, processor time of Node',
          value: Math.max(...again.map((shop) => shop.cpuToReadyMs)) / 1000,
          unit: 's',
        },
        { name: 'resident after 1,000 orders', value: samples[0]?.resident ?? 0, unit: 'MB', target: { atMost: 300 } },
        {
          name: 'growth per 1,000 orders after that',
          value: slopeOf(later.map(({ kept }) => kept)),
          unit: 'MB',
          target: { atMost: 1 },
        },
        { name: 'growth without collecting', value: slopeOf(later.map(({ resident }) => resident)), unit: 'MB' },
        { name: 'resident at its highest', value: peak, unit: 'MB' },
      ],
      notes: [
        'From the start of the process until /health/ready says yes: the first on an empty folder, with initdb and all migrations; the second is the longest of its kind.',
        `Memory of the Node process alone, ${restMs / 1000} s after everything was at rest; growth is the line nearest to ${later.length} samples, each after ${ordersPerSample} more orders and a collection of garbage.`,
      ],
    };
  },
};
