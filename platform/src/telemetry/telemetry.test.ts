import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fault } from '../errors/index.ts';
import {
  childOf,
  createLog,
  createMetrics,
  createTraces,
  idsOf,
  isSampled,
  newTraceparent,
  parseTraceparent,
  stepTraceparent,
  traceIdOf,
} from './index.ts';

const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('trace context', () => {
  test('reads what the specification allows and nothing else', () => {
    deepEqual(parseTraceparent(given), {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      sampled: true,
    });
    equal(parseTraceparent(`01${given.slice(2)}-more`)?.sampled, true);
    const bad = [
      undefined,
      '',
      'x',
      `ff${given.slice(2)}`,
      `${given}-more`,
      given.toUpperCase(),
      given.replace(/7ad6/, 'zzzz'),
    ];
    for (const text of bad) equal(parseTraceparent(text), undefined, text);
    equal(parseTraceparent(`00-${'0'.repeat(32)}-b7ad6b7169203331-01`), undefined);
    equal(parseTraceparent(`00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`), undefined);
  });

  test('a child is in the same trace with another span', () => {
    const child = childOf(given);
    deepEqual([traceIdOf(child), isSampled(child)], ['0af7651916cd43dd8448eb211c80319c', true]);
    notEqual(child, given);
    match(childOf('nonsense'), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    equal(new Set(Array.from({ length: 2_000 }, () => newTraceparent())).size, 2_000);
  });

  test('log lines carry the ids of their cause', () => {
    deepEqual(idsOf({ correlationId: 'c', traceparent: given }, 's'), {
      correlationId: 'c',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      sagaId: 's',
    });
  });
});

describe('the log', () => {
  function logged(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> {
    let line = '';
    const destination = {
      write(text: string) {
        line += text;
      },
    };
    const log = createLog({ service: 'order', destination });
    write(log);
    return JSON.parse(line);
  }

  test('masks what is secret or personal at every depth', () => {
    const line = logged((log) =>
      log.child({ token: 'hunter2' }).info(
        {
          orderId: 'o1',
          headers: { Authorization: 'hunter2', 'set-cookie': ['hunter2'], 'X-Order-Token': 'hunter2' },
          deep: { er: [{ shippingAddress: { line1: 'hunter2' }, email: 'hunter2', refresh_token: 'hunter2' }] },
        },
        'placed',
      ),
    );
    equal(JSON.stringify(line).includes('hunter2'), false);
    deepEqual([line.orderId, line.message, line.service, line.level], ['o1', 'placed', 'order', 'info']);
  });

  test('writes errors with their causes, but not the rows that database errors quote', () => {
    const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (email)=(hunter2) exists' });
    const line = logged((log) => log.error({ err: fault('service.unavailable', 'away', { cause }) }, 'failed'));
    const err = line.err as { code: string; stack: string; cause: { code: string; message: string } };
    deepEqual([err.code, err.cause.code, err.cause.message], ['service.unavailable', '23505', 'duplicate key']);
    ok(err.stack.includes('telemetry.test.ts'));
    equal(JSON.stringify(line).includes('hunter2'), false);
    equal((logged((log) => log.error(cause)).err as { message: string }).message, 'duplicate key');
  });
});

describe('traces', () => {
  test('spans of a recorded trace are kept with their parents and their failures', async () => {
    const traces = await createTraces({ environment: {} });
    const cause = { correlationId: 'c', traceparent: traces.start(given) };
    const result = await traces.span('POST /orders', cause, { service: 'order' }, async (inner) => {
      await traces.span('reserve', inner, { service: 'inventory' }, async () => 1);
      await traces
        .span('charge', inner, { service: 'payment' }, async () => {
          throw fault('service.unavailable', 'away: hunter2');
        })
        .catch(() => undefined);
      return 'placed';
    });
    equal(result, 'placed');
    const spans = traces.byId('0af7651916cd43dd8448eb211c80319c');
    const order = spans.find((span) => span.service === 'order');
    deepEqual(
      new Set(spans.map(({ name, error }) => `${name} ${error}`)),
      new Set(['POST /orders null', 'reserve null', 'charge service.unavailable']),
    );
    equal(spans.filter((span) => span.parentSpanId === order?.spanId).length, 2);
    equal(order?.parentSpanId, 'b7ad6b7169203331');
    equal(JSON.stringify(spans).includes('hunter2'), false);
    const [summary] = traces.recent();
    deepEqual([summary?.spans, summary?.failed, summary?.services.length], [3, true, 3]);
    await traces.close();
  });

  test('what begins here is the root; a past span can be the parent of what came before its end', async () => {
    const traces = await createTraces({ environment: {}, perSecondMax: 10 });
    const cause = { correlationId: 'c', traceparent: traces.start() };
    const traceId = traceIdOf(cause.traceparent);
    const own = stepTraceparent(cause.traceparent, 'saga-1', 'reserve', 'do');
    equal(own, stepTraceparent(cause.traceparent, 'saga-1', 'reserve', 'do'), 'follows from the step alone');
    notEqual(own, stepTraceparent(cause.traceparent, 'saga-1', 'reserve', 'undo'));
    await traces.span('child', { ...cause, traceparent: own }, {}, async () => 1);
    const startedMs = Date.parse('2020-01-01T00:00:00.000Z');
    traces.record({ name: 'step', cause, own, startedMs, endedMs: startedMs + 250, attributes: {}, error: 'no.stock' });
    const [step, child] = traces.byId(traceId);
    deepEqual(
      [step?.name, step?.parentSpanId, step?.startedAt, step?.durationMs, step?.error],
      ['step', null, '2020-01-01T00:00:00.000Z', 250, 'no.stock'],
    );
    equal(child?.parentSpanId, step?.spanId);
    const outside = { correlationId: 'c', traceparent: traces.start(given) };
    await traces.span('request', outside, {}, async () => 1);
    equal(traces.byId(traceIdOf(given))[0]?.parentSpanId, 'b7ad6b7169203331', 'under the caller, where there is one');
    traces.record({
      name: 'no',
      cause: { correlationId: 'c', traceparent: newTraceparent() },
      startedMs,
      attributes: {},
    });
    equal(traces.recent().length, 2, 'nothing is kept of what is not recorded');
    await traces.close();
  });

  test('only so many traces a second are recorded, and the oldest make room', async () => {
    const traces = await createTraces({ environment: {}, perSecondMax: 3, keptMax: 2 });
    const starts = Array.from({ length: 50 }, () => traces.start());
    equal(isSampled(traces.start(given)), false, 'nobody outside can have more recorded than the budget');
    const sampled = starts.filter(isSampled);
    // The fifty may straddle the turn of a second.
    ok(sampled.length >= 3 && sampled.length <= 6);
    for (const traceparent of starts) await traces.span('x', { correlationId: 'c', traceparent }, {}, async () => 1);
    deepEqual(
      traces.recent().map((trace) => trace.traceId),
      sampled.slice(-2).reverse().map(traceIdOf),
    );
    await traces.close();
  });

  test('an endpoint for traces that is no URL is named, and an empty one is none', async () => {
    for (const endpoint of ['foo', 'collector:4318', 'grpc://collector:4317'])
      await rejects(createTraces({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } }), {
        code: 'config.invalid',
        message: `OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL that starts with http:// or https://, got "${endpoint}"`,
      });
    await (await createTraces({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' } })).close();
  });
});

describe('metrics', () => {
  test('count operations by the class of their status', async () => {
    const metrics = createMetrics({ ofProcess: false });
    const observe = metrics.observeHttp('order');
    observe('placeOrder', 'POST', 201, 0.02);
    observe('placeOrder', 'POST', 202, 0.02);
    observe('placeOrder', 'POST', 503, 2);
    const text = await metrics.text();
    match(
      text,
      /stoa_http_request_seconds_count\{service="order",operation="placeOrder",method="POST",status="2xx"\} 2/,
    );
    match(
      text,
      /stoa_http_request_seconds_count\{service="order",operation="placeOrder",method="POST",status="5xx"\} 1/,
    );
  });

  test('write durations as Prometheus reads them: buckets that add up, sum and count', async () => {
    const metrics = createMetrics({ ofProcess: false });
    const step = { saga: 'check-out', step: 'reserve', mode: 'do', outcome: 'done' } as const;
    for (const seconds of [0.001, 0.3, 99, Number.NaN]) metrics.observeStep(step, seconds);
    const text = await metrics.text();
    const labels = 'saga="check-out",step="reserve",mode="do",outcome="done"';
    const lines = text.split('\n').filter((line) => line.startsWith('stoa_saga_step_seconds'));
    ok(text.includes('# TYPE stoa_saga_step_seconds histogram'));
    equal(lines[0], `stoa_saga_step_seconds_bucket{le="0.001",${labels}} 1`);
    equal(lines[7], `stoa_saga_step_seconds_bucket{le="0.25",${labels}} 1`);
    equal(lines[8], `stoa_saga_step_seconds_bucket{le="0.5",${labels}} 2`);
    deepEqual(lines.slice(-4), [
      `stoa_saga_step_seconds_bucket{le="30",${labels}} 2`,
      `stoa_saga_step_seconds_bucket{le="+Inf",${labels}} 3`,
      `stoa_saga_step_seconds_sum{${labels}} 99.301`,
      `stoa_saga_step_seconds_count{${labels}} 3`,
    ]);
  });

  test('ask for gauges when they are read, and do without one that fails', async () => {
    const metrics = createMetrics({ ofProcess: false });
    let rows = new Map([
      ['order', 5],
      ['payment', 1],
    ]);
    metrics.gauge('stoa_outbox_rows', 'Rows that wait', ['service'], () =>
      [...rows].map(([service, value]) => ({ labels: { service }, value })),
    );
    metrics.gauge('stoa_broken', 'Fails', [], async () => {
      throw new Error('away');
    });
    match(await metrics.text(), /stoa_outbox_rows\{service="order"\} 5/);
    rows = new Map([['order', 6]]);
    const text = await metrics.text();
    match(text, /stoa_outbox_rows\{service="order"\} 6/);
    equal(text.includes('service="payment"'), false);
  });

  test('do without a gauge that hangs, and ask it once however often they are read', async () => {
    const metrics = createMetrics({ ofProcess: false });
    let asked = 0;
    const answer = Promise.withResolvers<void>();
    metrics.gauge('stoa_hanging', 'Hangs', ['service'], async () => {
      asked++;
      await answer.promise;
      return [{ labels: { service: 'order' }, value: 7 }];
    });
    metrics.gauge('stoa_good', 'Answers', [], () => [{ labels: {}, value: 1 }]);
    for (const text of [...(await Promise.all([metrics.text(), metrics.text()])), await metrics.text()]) {
      match(text, /stoa_good 1/);
      equal(text.includes('stoa_hanging{'), false);
    }
    equal(asked, 1);
    answer.resolve();
    match(await metrics.text(), /stoa_hanging{service="order"} 7/);
  });

  test('count and time what a service names', async () => {
    const metrics = createMetrics({ ofProcess: false });
    metrics.counter('stoa_stock_outs_total', 'Refused for want of stock', ['sku'])({ sku: 'A' }, 2);
    metrics.histogram('stoa_saga_seconds', 'Seconds a saga took', ['saga'])({ saga: 'check-out' }, 0.3);
    const text = await metrics.text();
    match(text, /stoa_stock_outs_total\{sku="A"\} 2/);
    match(text, /stoa_saga_seconds_bucket\{le="0.5",saga="check-out"\} 1/);
  });
});
