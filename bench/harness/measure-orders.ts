import type { OrdersPlaced, PlaceOrders } from '../clients/place-orders.ts';
import { ask } from './processes.ts';
import type { Bench } from './scenario.ts';
import { statementsSent } from './scrape.ts';
import { openWork, type ShopApi, untilAtRest, untilIdle } from './shop-api.ts';

/** A shop that orders are placed in, in one process or in many. */
export interface Subject {
  readonly metricsUrls: readonly string[];
  /** Processor time in milliseconds that each part of it has used until now. */
  cpuMs(): CpuMs;
  errors(): string;
}

export interface CpuMs {
  readonly node: number;
  readonly postgres: number;
  readonly broker: number;
}

export interface OrdersMeasured {
  /** Until nothing was left to do. */
  readonly perSecond: number;
  /** Until the last confirmation. */
  readonly confirmedPerSecond: number;
  readonly toConfirmed: OrdersPlaced['toConfirmed'];
  /** SQL statements an order. */
  readonly statements: number;
  /** Milliseconds of processor time an order. */
  readonly cpuMs: CpuMs & { readonly client: number };
}

/** Places orders and waits until every saga has ended and every inbox is empty. */
export async function measureOrders(
  bench: Bench,
  subject: Subject,
  admin: ShopApi,
  load: PlaceOrders,
): Promise<OrdersMeasured> {
  const read = async () => ({ statements: await statementsOf(subject), cpuMs: subject.cpuMs() });
  const before = await read();
  const placed = await ask<OrdersPlaced>(bench, 'clients/place-orders.ts', load, { timeoutMs: 150_000 });
  const answeredAtMs = performance.now();
  if (bench.profile) bench.say(`open when the last order was confirmed: ${await openWork(admin)}`);
  const restedAtMs = await untilAtRest(admin);
  await untilIdle(admin);
  const after = await read();
  const confirmed = placed.outcomes.confirmed ?? 0;
  if (confirmed !== load.orders) {
    throw new Error(
      `of ${load.orders} orders: ${JSON.stringify(placed.outcomes)}; ${placed.firstFailure ?? ''}${subject.errors().slice(-1000)}`,
    );
  }
  const anOrder = (part: keyof CpuMs) => (after.cpuMs[part] - before.cpuMs[part]) / load.orders;
  return {
    perSecond: load.orders / (placed.seconds + Math.max(0, restedAtMs - answeredAtMs) / 1000),
    confirmedPerSecond: load.orders / placed.seconds,
    toConfirmed: placed.toConfirmed,
    statements: (after.statements - before.statements) / load.orders,
    cpuMs: {
      node: anOrder('node'),
      postgres: anOrder('postgres'),
      broker: anOrder('broker'),
      client: placed.cpuMs / load.orders,
    },
  };
}

async function statementsOf({ metricsUrls }: Subject): Promise<number> {
  const counts = await Promise.all(metricsUrls.map(statementsSent));
  return counts.reduce((sum, count) => sum + count, 0);
}
