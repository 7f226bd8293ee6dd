import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { findAppError } from '../errors/index.ts';
import { createMetrics, createTraces, serveMetrics } from './index.ts';

test('metrics are served on a port of their own, and nothing else is', async () => {
  const served = await serveMetrics(createMetrics(), { port: 0 });
  const answer = await fetch(served.url);
  equal(answer.status, 200);
  match(await answer.text(), /process_resident_memory_bytes \d/);
  equal((await fetch(served.url.replace('/metrics', '/'))).status, 404);
  const port = Number(new URL(served.url).port);
  await rejects(serveMetrics(createMetrics(), { port }), (error) => findAppError(error)?.code === 'config.invalid');
  await served.close();
});

test('spans go out over OTLP when an endpoint is set', async () => {
  const sent: string[] = [];
  const collector = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    sent.push(`${request.url} ${body.includes('POST /orders')}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const traces = await createTraces({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  await traces.span('POST /orders', { correlationId: 'c', traceparent: traces.start() }, {}, async () => 1);
  await traces.close();
  deepEqual(sent, ['/v1/traces true']);
  collector.closeAllConnections();
  collector.close();
});
