import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
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

test('a collector that never answers keeps nobody from closing', async () => {
  const collector = createServer(() => undefined);
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const traces = await createTraces({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  await traces.span('POST /orders', { correlationId: 'c', traceparent: traces.start() }, {}, async () => 1);
  const startedMs = performance.now();
  await traces.close();
  ok(performance.now() - startedMs < 5_000, 'it waited for the collector');
  collector.closeAllConnections();
  collector.close();
});

test('a log that cannot be written keeps the process neither from its work nor from its end', {
  skip: !existsSync('/dev/full'),
}, async () => {
  const source = `
    const { createLog } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const log = createLog({});
    for (let line = 0; line < 5; line++) {
      log.info('a line');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.exit(3);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'inherit'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const ended = await new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  deepEqual(ended, [3, null]);
});

test('lines that nobody takes are lost rather than kept for ever, and counted once somebody does', async () => {
  const source = `
    const { createLog } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const log = createLog({});
    const text = 'x'.repeat(100_000);
    for (let line = 0; line < 1_000; line++) log.info({ text }, 'a line');
    process.send('written');
    setInterval(() => log.info('later'), 20);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  await new Promise((resolve) => child.once('message', resolve));
  let end = '';
  const told = await new Promise<string>((resolve) => {
    child.once('exit', () => resolve(''));
    child.stdout?.on('data', (chunk) => {
      end = (end + chunk).slice(-100_000);
      const line = /"lines":(\d+),"message":"lines of this log were lost/.exec(end);
      if (line) resolve(line[1] as string);
    });
  });
  child.kill('SIGKILL');
  ok(Number(told) > 100 && Number(told) < 1_000, `${told} lines were told to be lost`);
});
