import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import type { Principal } from '../schema/index.ts';
import { newTraceparent, traceIdOf } from '../telemetry/index.ts';
import { sampleService, sampleShop } from '../testing/index.ts';
import { sse } from './event-stream.ts';
import { type HostedHttp, hostHttp } from './host-http.ts';

const cause = { correlationId: 'from-the-gateway', traceparent: newTraceparent() };
const lines: { code?: string; err?: { message: string } }[] = [];
const log = pino({}, { write: (text: string) => void lines.push(JSON.parse(text)) });
let principal: Principal = { kind: 'anonymous' };
let deadlineInMs = 10_000;
let hosted: HostedHttp;
let gateway: Server;
let url = '';
before(async () => {
  hosted = await hostHttp(sampleShop(), sampleService, { log });
  gateway = createServer((request, response) => {
    response.setHeader('ratelimit', '"default";r=99');
    const deadlineMs = Date.now() + deadlineInMs;
    hosted.handle(request, response, { principal, cause, requestId: 'r-1', clientAddress: '127.0.0.1', deadlineMs });
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
});
after(async () => {
  await hosted.close(Date.now() + 1_000);
  gateway.closeAllConnections();
  gateway.close();
});

describe('a request that the gateway hands over', () => {
  test('is made by whom the gateway says, whatever its headers claim', async () => {
    principal = { kind: 'user', userId: 'u9', role: 'customer', sessionId: 's9' };
    const forged = Buffer.from(JSON.stringify({ kind: 'service', name: 'order' })).toString('base64url');
    const headers = {
      authorization: 'Bearer anything',
      'x-stoa-on-behalf': forged,
      'x-correlation-id': 'own',
      'x-user-id': 'u1',
    };
    const answer = await fetch(`${url}/api/v1/tea-orders/mine`, { headers });
    deepEqual(((await answer.json()) as { principal: Principal }).principal, principal);
    equal(answer.headers.get('x-request-id'), 'r-1');
    equal(answer.headers.get('x-correlation-id'), 'from-the-gateway');
    equal(answer.headers.get('ratelimit'), '"default";r=99');
    principal = { kind: 'anonymous' };
  });

  test('never reaches an internal operation, not even as a service', async () => {
    principal = { kind: 'service', name: 'order' };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/internal/prices`, { method: 'POST', headers, body: '{"sku":"A"}' });
    deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [404, 'route.not-found']);
    principal = { kind: 'anonymous' };
  });

  test('ends at the deadline that the gateway set, plus what the caller prefers to wait', async () => {
    deadlineInMs = 0;
    const slow = () =>
      fetch(`${url}/api/v1/steep`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"how":"x"}',
      });
    const startedMs = performance.now();
    equal((await slow()).status, 504);
    equal(performance.now() - startedMs < 90, true);
    deadlineInMs = 10_000;
  });

  test('a problem names its trace, and a failure is logged with what the outside is not told', async () => {
    lines.length = 0;
    const answer = await fetch(`${url}/api/v1/teas/broken`);
    const problem = (await answer.json()) as { traceId: string; detail: string };
    equal(problem.traceId, traceIdOf(cause.traceparent));
    deepEqual([lines.length, lines[0]?.code], [1, 'internal']);
    match(lines[0]?.err?.message ?? '', /select password/);
  });

  test('a refusal leaves no line in the log', async () => {
    lines.length = 0;
    await (await fetch(`${url}/api/v1/teas/none`)).text();
    equal(lines.length, 0);
  });
});

test('a service whose handlers are not those of its contract is not hosted', async () => {
  const { routes, ...rest } = sampleShop();
  const { getTea, ...others } = routes as Record<string, never>;
  await rejects(hostHttp({ ...rest, routes: others }, sampleService, { log }), /no handler for getTea/);
  await rejects(
    hostHttp({ ...rest, routes: { ...routes, getCoffee: getTea as never } }, sampleService, { log }),
    /handler for getCoffee/,
  );
});

test('an answer in another shape is a failure where answers are checked', async () => {
  const { routes, ...rest } = sampleShop();
  const wrong = { ...rest, routes: { ...routes, getTea: (async () => ({ body: { id: 7 } })) as never } };
  const checked = await hostHttp(wrong, sampleService, { log, checkAnswers: true });
  const input = { params: { id: 'a' }, principal, cause, deadlineMs: Date.now() + 1_000 };
  equal((await checked.invoke('getTea', input)).status, 500);
  equal((await checked.invoke('getCoffee', input)).status, 404);
  equal((await checked.invoke('watch', input)).status, 500);
  await checked.close(Date.now());
});

test('a silent stream of events gives a sign of life, and its source is told when nobody listens', async () => {
  let returned = false;
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => undefined),
      return: async () => {
        returned = true;
        return { done: true as const, value: undefined };
      },
    }),
  };
  const abort = new AbortController();
  const { stream } = sse({ signal: abort.signal }, source, { heartbeatMs: 5 });
  const [beat] = (await (stream as Readable).take(1).toArray()) as Buffer[];
  equal(String(beat), ':\n\n');
  abort.abort();
  equal(returned, true);
});
