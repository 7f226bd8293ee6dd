import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { answer } from '../harness/processes.ts';
import { type Quantiles, quantilesOf } from '../harness/quantiles.ts';

/** Places guests' orders of one line, each paid with an approved card, and waits for each to be confirmed. */
export interface PlaceOrders {
  readonly url: string;
  readonly skus: readonly string[];
  readonly orders: number;
  /** Tells the keys of this run from those of others. */
  readonly run: string;
  /** Closed loop: each of so many clients places its next order when the last one is confirmed. */
  readonly clients: number;
  /** Open loop: orders are placed at this rate whatever the shop does, over at most `clients` connections. */
  readonly perSecond?: number;
  /** Whether the answer says when each order was confirmed, for a shop that is being hurt meanwhile; the run is then as long as it has to be. */
  readonly timeline?: boolean;
}

export interface OrdersPlaced {
  readonly orders: number;
  /** Orders by the status that the answer had; `failed` for those without a good answer. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly firstFailure?: string;
  /** From the request (in an open loop, from when it was due) to the answer that says `confirmed`. */
  readonly toConfirmed: Quantiles;
  readonly seconds: number;
  readonly cpuMs: number;
  /** With `timeline`: when orders were confirmed, in milliseconds since the epoch, in that order. */
  readonly confirmedAtMs?: readonly number[];
}

const secondsMax = 120;

answer(async (input: PlaceOrders): Promise<OrdersPlaced> => {
  const pool = new Pool(input.url, {
    connections: input.clients,
    pipelining: 1,
    bodyTimeout: 30_000,
    headersTimeout: 30_000,
  });
  const outcomes: Record<string, number> = {};
  const durationsMs: number[] = [];
  const confirmedAtMs: number[] = [];
  let firstFailure: string | undefined;
  const startedAtMs = performance.now();

  async function placeOne(n: number, dueAtMs: number): Promise<void> {
    const outcome = await place(pool, input, n).catch((error: unknown) => {
      firstFailure ??= String(error);
      return 'failed';
    });
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (outcome !== 'confirmed') return;
    durationsMs.push(performance.now() - dueAtMs);
    if (input.timeline) confirmedAtMs.push(Date.now());
  }

  if (input.perSecond === undefined) {
    let next = 0;
    const client = async () => {
      while (next < input.orders && performance.now() - startedAtMs < secondsMax * 1000) {
        await placeOne(next++, performance.now());
      }
    };
    await Promise.all(Array.from({ length: input.clients }, client));
  } else {
    const open: Promise<void>[] = [];
    for (let n = 0; n < input.orders; n++) {
      const dueAtMs = startedAtMs + (n * 1000) / input.perSecond;
      const early = dueAtMs - performance.now();
      if (early > 0) await sleep(early);
      open.push(placeOne(n, dueAtMs));
    }
    await Promise.all(open);
  }

  const seconds = (performance.now() - startedAtMs) / 1000;
  await pool.close();
  const { user, system } = process.cpuUsage();
  return {
    orders: input.orders,
    outcomes,
    ...(firstFailure !== undefined && { firstFailure }),
    toConfirmed: quantilesOf(durationsMs),
    seconds,
    cpuMs: (user + system) / 1000,
    ...(input.timeline && { confirmedAtMs }),
  };
});

async function place(pool: Pool, { run, skus }: PlaceOrders, n: number): Promise<string> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/api/v1/orders',
    headers: { 'content-type': 'application/json', 'idempotency-key': `${run}:${n}`, prefer: 'wait=10' },
    body: JSON.stringify({
      email: `guest-${run}-${n}@bench.example`,
      items: [{ sku: skus[n % skus.length], quantity: 1 }],
      shippingAddress: { name: 'Ada Guest', line1: '1 Long Walk', city: 'Athens', postalCode: '10555', country: 'GR' },
      paymentToken: 'tok_approved',
    }),
  });
  const text = await body.text();
  if (statusCode > 299) throw new Error(`${statusCode} ${text.slice(0, 300)}`);
  return (JSON.parse(text) as { status: string }).status;
}
