import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrdersPlaced, PlaceOrders } from '../clients/place-orders.ts';
import { type BenchBroker, startBroker } from '../harness/broker.ts';
import { fillShop } from '../harness/catalogue.ts';
import { type Fleet, startFleet } from '../harness/fleet.ts';
import { type Outage, type Recovery, recoveryOf } from '../harness/goodput.ts';
import { ask } from '../harness/processes.ts';
import type { Figure, Scenario } from '../harness/scenario.ts';
import { asAdmin, untilAtRest } from '../harness/shop-api.ts';

const productCount = 50;
const unitsEach = 100_000;
const perSecond = 30;
/** Of load before each blow: what is as good as before is measured against it. */
const steadyS = 10;
/** How long a killed broker stays away before it is started again. */
const brokerAwayMs = 2_000;

const services = ['order', 'payment', 'inventory', 'product'] as const;

export const recovery: Scenario = {
  about: `${perSecond} orders/s offered to a split shop on RabbitMQ while its parts are killed: how fast goodput comes back`,
  async run(bench) {
    const broker = await startBroker(bench);
    const fleet = await startFleet(bench, {
      dataDir: join(bench.dir, 'recovery'),
      environment: { STOA_TRANSPORT: broker.url },
    });
    const admin = await asAdmin(fleet);
    const skus = (await fillShop(admin, productCount, unitsEach)).map(({ sku }) => sku);
    bench.say('warming up');
    const warm: PlaceOrders = { url: fleet.url, skus, run: 'warm', orders: bench.quick ? 200 : 600, clients: 16 };
    await ask<OrdersPlaced>(bench, 'clients/place-orders.ts', warm);

    const found: {
      readonly name: string;
      readonly goalS: number;
      readonly outageS: number;
      readonly recovery: Recovery;
    }[] = [];
    const blows: readonly Blow[] = [
      ...services.map((service) => ({ name: service, goalS: 10, strike: () => killService(fleet, service) })),
      { name: 'RabbitMQ', goalS: 20, strike: () => killBroker(broker) },
    ];
    for (const { name, goalS, strike } of bench.quick ? blows.slice(-2) : blows) {
      bench.say(`${name} is killed`);
      // Long enough for the goal to be missed visibly, and for what was away to have come back before.
      const afterS = goalS + 20;
      const load: PlaceOrders = {
        url: fleet.url,
        skus,
        run: name,
        orders: (steadyS + afterS) * perSecond,
        clients: 512,
        perSecond,
        timeline: true,
      };
      const placing = ask<OrdersPlaced>(bench, 'clients/place-orders.ts', load, { timeoutMs: 180_000 });
      const startedAtMs = Date.now();
      const hurting = sleep(steadyS * 1_000).then(strike);
      const [{ confirmedAtMs = [], outcomes }, { hurtAtMs, backAtMs }] = await Promise.all([placing, hurting]);
      // The last orders are still on their way when the client stops: the part in which all of them were offered counts.
      const outage: Outage = { hurtAtMs, backAtMs, endAtMs: startedAtMs + (steadyS + afterS) * 1_000 };
      const measured = recoveryOf(confirmedAtMs, outage);
      bench.say(`${name}: ${JSON.stringify(outcomes)}`);
      found.push({ name, goalS, outageS: (backAtMs - hurtAtMs) / 1_000, recovery: measured });
      await untilAtRest(admin);
    }
    await fleet.stop();
    return {
      figures: found.flatMap(({ name, goalS, outageS, recovery: { before, afterMs } }): Figure[] => [
        { name: `${name}: goodput before`, value: before, unit: 'orders/s' },
        { name: `${name}: away`, value: outageS, unit: 's' },
        {
          name: `${name}: from its return until 95 % are back`,
          value: afterMs === undefined ? Number.POSITIVE_INFINITY : afterMs / 1_000,
          unit: 's',
          target: { atMost: goalS },
        },
      ]),
      notes: [
        `SIGKILL each; a service is started again by the shop, RabbitMQ ${brokerAwayMs / 1_000} s later on the data it left. A service is back when it says that it is ready, RabbitMQ when it takes logins.`,
        '95 % are back at the end of the first two seconds that hold as many confirmed orders as 95 % of such two seconds before, if the next two do too. The client repeats nothing; after each run every order that was taken in has come to its end.',
        ...found.map(
          ({ name, recovery: { series } }) => `${name}, confirmed in each second after the kill: ${series.join(' ')}`,
        ),
      ],
    };
  },
};

interface Blow {
  readonly name: string;
  /** Seconds from the return in which goodput is back. */
  readonly goalS: number;
  readonly strike: () => Promise<Pick<Outage, 'hurtAtMs' | 'backAtMs'>>;
}

const returnMsMax = 60_000;

/** Kills the process of a service and waits until another one, which the shop starts, says that it is ready. */
async function killService(fleet: Fleet, service: string): Promise<Pick<Outage, 'hurtAtMs' | 'backAtMs'>> {
  const killed = fleet.processes().find((process) => process.service === service);
  const metricsUrl = fleet.metricsUrls.get(service);
  if (killed === undefined || metricsUrl === undefined) throw new Error(`no process of ${service} was found`);
  const hurtAtMs = Date.now();
  process.kill(killed.pid, 'SIGKILL');
  while (!(await isReady(metricsUrl))) {
    if (Date.now() - hurtAtMs > returnMsMax)
      throw new Error(`${service} did not come back: ${fleet.errors().slice(-1_000)}`);
    await sleep(20);
  }
  return { hurtAtMs, backAtMs: Date.now() };
}

async function isReady(metricsUrl: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health/ready', metricsUrl), { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function killBroker(broker: BenchBroker): Promise<Pick<Outage, 'hurtAtMs' | 'backAtMs'>> {
  const hurtAtMs = Date.now();
  await broker.kill();
  await sleep(brokerAwayMs);
  await broker.start();
  return { hurtAtMs, backAtMs: Date.now() };
}
