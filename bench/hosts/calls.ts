import { newId } from '@stoa/platform/ids';
import { contract, internal, nobodyWaits, operation, strict, Type } from '@stoa/platform/schema';
import { defineService, type Handler, run, type Service } from '@stoa/platform/service';
import { createLog } from '@stoa/platform/telemetry';
import { answer } from '../harness/processes.ts';
import { quantilesOf } from '../harness/quantiles.ts';

/** One service asks another of the same process for three prices, one call after the other. */
export interface MakeCalls {
  readonly databaseUrls: Readonly<Record<string, string>>;
  readonly calls: number;
}

export interface CallsMade {
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const Price = strict({ sku: Type.String(), amount: Type.Integer(), currency: Type.String() });

const pricing = contract({
  service: 'pricing',
  operations: {
    quote: operation({
      method: 'POST',
      path: '/internal/quotes',
      summary: 'Prices of goods',
      access: internal,
      body: strict({ skus: Type.Array(Type.String({ maxLength: 40 }), { minItems: 1, maxItems: 100 }) }),
      answer: strict({ prices: Type.Array(Price) }),
    }),
  },
  events: {},
  commands: {},
  errors: {},
});

const quote: Handler<typeof pricing.operations.quote, undefined> = async ({ body }) => ({
  body: { prices: body.skus.map((sku) => ({ sku, amount: 1_200, currency: 'EUR' })) },
});

answer(async ({ databaseUrls, calls }: MakeCalls): Promise<CallsMade> => {
  const services = [
    defineService<undefined>({
      name: 'pricing',
      contract: pricing,
      routes: { quote },
    }),
    defineService({
      name: 'shop',
      contract: contract({ service: 'shop', operations: {}, events: {}, commands: {}, errors: {} }),
    }),
  ];
  const running = await run(services as never, {
    environment: {},
    log: createLog({ service: 'bench', level: 'warn' }),
    version: '0',
    databaseUrl: async (service) => databaseUrls[service] ?? '',
  });
  const shop = running.services.get('shop')?.service as Service<never>;
  const prices = shop.client(pricing);
  const body = { skus: ['A-1', 'B-2', 'C-3'] };
  const askOnce = () => prices.quote({ body }, { cause: { correlationId: newId() }, deadlineMs: nobodyWaits });

  for (let n = 0; n < calls / 5; n++) await askOnce();
  const tookMs = new Float64Array(calls);
  const startedAtMs = performance.now();
  for (let n = 0; n < calls; n++) {
    const askedAtMs = performance.now();
    await askOnce();
    tookMs[n] = performance.now() - askedAtMs;
  }
  const allMs = performance.now() - startedAtMs;
  const last = await askOnce();
  await running.stop();
  if (last.prices.length !== 3) throw new Error(`three prices were asked for: ${JSON.stringify(last)}`);
  const { p50, p99 } = quantilesOf(tookMs);
  return { meanUs: (allMs * 1_000) / calls, p50Us: p50 * 1_000, p99Us: p99 * 1_000 };
});
