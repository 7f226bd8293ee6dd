import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault } from '@stoa/platform/errors';
import type { Call, EdgeHost } from '@stoa/platform/service';
import type { SpanRecord, TraceSummary } from '@stoa/platform/telemetry';
import { traceRoutes } from './trace-routes.ts';

/** What one process keeps. */
interface Keeper {
  readonly keeper: string;
  readonly spans: readonly SpanRecord[];
}

/** A gateway that keeps `own`, and instances of services at addresses, each of which is answered for by a process or does not answer. */
function gateway(own: Keeper, services: Readonly<Record<string, Readonly<Record<string, Keeper | 'dead'>>>>): EdgeHost {
  const client = () => ({
    listTraces: async (_: unknown, { at }: { at?: string }) => {
      const { keeper, spans } = processAt(at);
      return { keeper, items: summaries(spans) };
    },
    getTrace: async ({ params }: { params: { id: string } }, { at }: { at?: string }) => ({
      spans: processAt(at).spans.filter(({ traceId }) => traceId === params.id),
    }),
  });
  const processAt = (at = '') => {
    const process = Object.values(services).find((places) => at in places)?.[at];
    if (process === undefined || process === 'dead') throw fault('service.unavailable', 'It cannot be reached.');
    return process;
  };
  return {
    targets: Object.keys(services).map((service) => ({
      kind: 'remote',
      contract: { service },
      discoveryName: service,
    })),
    client,
    discovery: { endpoints: (service: string) => Object.keys(services[service] ?? {}).map((url) => ({ url })) },
    traces: {
      keeper: own.keeper,
      recent: () => summaries(own.spans),
      byId: (id: string) => own.spans.filter(({ traceId }) => traceId === id),
    },
  } as unknown as EdgeHost;
}

function summaries(spans: readonly SpanRecord[]): TraceSummary[] {
  return [...Map.groupBy(spans, ({ traceId }) => traceId)].map(([traceId, kept]) => ({
    traceId,
    name: kept[0]?.name ?? '',
    begins: kept[0]?.parentSpanId === null,
    startedAt: kept[0]?.startedAt ?? '',
    durationMs: 10,
    spans: kept.length,
    services: kept.map(({ service }) => service),
    failed: kept.some(({ error }) => error !== null),
  }));
}

const traceId = 'a'.repeat(32);

function span(service: string, spanId: string, parentSpanId: string | null, atMs: number): SpanRecord {
  const startedAt = new Date(1_800_000_000_000 + atMs).toISOString();
  const name = `${service} ${spanId}`;
  return { traceId, spanId, parentSpanId, name, service, startedAt, durationMs: 10, error: null, attributes: {} };
}

const none: Keeper = { keeper: 'gateway', spans: [] };
const orders: Keeper = { keeper: 'p1', spans: [span('order', '1', null, 0), span('order', '3', '2', 20)] };
const otherOrders: Keeper = { keeper: 'p2', spans: [span('order', '4', '3', 30)] };
const payments: Keeper = { keeper: 'p3', spans: [span('payment', '2', '1', 10)] };

async function shownBy(host: EdgeHost) {
  const { getTrace, listTraces } = traceRoutes(host);
  const call = { cause: { correlationId: 'c' }, deadlineMs: Date.now() + 1_000, params: { id: traceId }, query: {} };
  const { body: list } = await listTraces(call as unknown as Call as never);
  const { body: one } = await getTrace(call as unknown as Call as never);
  return { spans: one.spans.map(({ spanId }) => spanId), list: list.items, partial: [one.partial, list.partial] };
}

test('what every replica of every service keeps of a trace is one tree in the order of its spans', async () => {
  const host = gateway(none, { order: { a: orders, b: otherOrders }, payment: { c: payments } });
  const { spans, list, partial } = await shownBy(host);
  assert.deepEqual(spans, ['1', '2', '3', '4']);
  assert.deepEqual(
    list.map(({ name, durationMs, spans, services }) => ({ name, durationMs, spans, services })),
    [{ name: 'order 1', durationMs: 40, spans: 4, services: ['order', 'payment'] }],
  );
  assert.deepEqual(partial, [[], []]);
});

test('services that live in one process are counted once, whoever is asked for it', async () => {
  const both: Keeper = { keeper: 'p1', spans: [...orders.spans, ...payments.spans] };
  const { spans, list } = await shownBy(gateway(none, { order: { a: both }, payment: { b: both } }));
  assert.deepEqual(spans, ['1', '2', '3']);
  assert.equal(list[0]?.spans, 3);
});

test('a replica that does not answer, and a service of which none is known, are named', async () => {
  const host = gateway(orders, { payment: { a: payments, b: 'dead' }, shipping: {} });
  const { spans, partial } = await shownBy(host);
  assert.deepEqual(spans, ['1', '2', '3']);
  assert.deepEqual(partial, [
    ['payment', 'shipping'],
    ['payment', 'shipping'],
  ]);
});

test('a trace that nobody keeps is not found', async () => {
  await assert.rejects(shownBy(gateway(none, { order: { a: none } })), { code: 'trace.not-found' });
});
