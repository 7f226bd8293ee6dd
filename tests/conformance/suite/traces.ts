import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { OpsTrace, OpsTraceDetail } from '@stoa/contracts/gateway';
import { address, type TestShop, until } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

/** Looks in a row that find the same: a process that is busy writes its span a moment after what it tells of has been committed. */
const sameLooks = 5;

const countries = ['FI', 'IT', 'PT'];

type Spans = OpsTraceDetail['spans'];

/** One check-out is one tree, in however many processes it grew. */
export function traces({ place, test }: Conformance): void {
  let shop: TestShop;
  let orders = 0;
  before(() => {
    ({ shop } = place());
  });

  test('a check-out comes out as one tree, with every way from its root to its leaves', async () => {
    const { spans, services } = await traceOf('tok_approved', 'confirmed');
    assert.deepEqual(
      spans.filter(({ error }) => error !== null),
      [],
    );
    return { ways: waysOf(spans), services };
  });

  test('a refused one says in its tree where and why, and what was undone', async () => {
    const { spans, services } = await traceOf('tok_declined', 'rejected');
    const failed = spans.filter(({ error }) => error !== null).map(({ name, error }) => `${name}: ${error}`);
    return { ways: waysOf(spans), services, failed };
  });

  test('every gateway shows the whole tree', async () => {
    const { traceId, spans } = await traceOf('tok_approved', 'confirmed');
    for (const gateway of place().gateways) {
      const answer = await fetch(`${gateway}/api/v1/ops/traces/${traceId}`, {
        headers: { authorization: `Bearer ${shop.adminToken}` },
      });
      const seen = (await answer.json()) as OpsTraceDetail;
      assert.deepEqual([seen.partial, seen.spans.map(({ spanId }) => spanId)], [[], spans.map(({ spanId }) => spanId)]);
    }
  });

  /** Of an order for something new to where nothing went yet, which no cache knows: then the neighbours have to be asked. */
  async function traceOf(paymentToken: string, status: string) {
    const country = countries[orders];
    const sku = `TRACED-${++orders}`;
    await shop.stockUp(sku, 1);
    await shop.settled();
    const shippingAddress = { ...address, country: country as string };
    const answer = await shop.place({ items: [{ sku, quantity: 1 }], paymentToken, shippingAddress }, { waitS: 30 });
    assert.equal(answer.body.status, status);
    await shop.settled();
    const traceId = answer.headers.get('x-request-id')?.replaceAll('-', '') ?? '';
    const { spans, partial } = await wholeTrace(traceId);
    assert.deepEqual(partial, []);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    assert.equal(ids.size, spans.length, 'every span has its own id');
    const above = ({ parentSpanId }: Spans[number]) => parentSpanId !== null && ids.has(parentSpanId);
    assert.deepEqual(
      spans.filter((span) => !above(span)).map(({ name, parentSpanId }) => [name, parentSpanId]),
      [['POST /api/v1/orders', null]],
      'one root',
    );
    const { items } = await shop.expectAdmin<{ items: OpsTrace[] }>(200, 'GET', '/api/v1/ops/traces?limit=100');
    const inList = items.filter((trace) => trace.traceId === traceId);
    assert.deepEqual(
      inList.map(({ name, spans: count }) => [name, count]),
      [['POST /api/v1/orders', spans.length]],
    );
    return { traceId, spans, services: inList[0]?.services.toSorted() };
  }

  function wholeTrace(traceId: string): Promise<OpsTraceDetail> {
    let [count, looks] = [0, 0];
    return until(
      () => shop.expectAdmin<OpsTraceDetail>(200, 'GET', `/api/v1/ops/traces/${traceId}`),
      ({ spans }) => {
        looks = spans.length === count ? looks + 1 : 1;
        count = spans.length;
        return looks === sameLooks;
      },
    );
  }
}

/** The names from the root to each span, each way once. */
function waysOf(spans: Spans): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const wayTo = ({ service, name, parentSpanId, attributes }: Spans[number]): string => {
    const above = parentSpanId === null ? undefined : byId.get(parentSpanId);
    const what = name === 'queue wait' ? `waits: ${attributes.type}` : name;
    return `${above === undefined ? '' : `${wayTo(above)} > `}${service} ${what}`;
  };
  return [...new Set(spans.map(wayTo))].sort();
}
