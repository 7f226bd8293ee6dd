import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readSettings } from '@stoa/platform/config';
import { createDiscovery, discoverySettings } from '@stoa/platform/discovery';
import { type HostedHttp, hostHttp } from '@stoa/platform/http';
import type { Call, Service, ServiceDefinition } from '@stoa/platform/service';
import { openTrust, type Trust, trustSettings } from '@stoa/platform/trust';
import { pino } from 'pino';
import { lines, rawRequest } from '../testing/raw-request.ts';
import { startTestGateway, type TestGateway, witnessContract } from '../testing/start-test-gateway.ts';

const log = pino({ level: 'silent' });
const settings = readSettings({ STOA_SERVICE_SECRET: 's'.repeat(32) }, trustSettings);
let trust: Trust;
let gateway: TestGateway;
const calls: Call[] = [];
const replicas: { http: HostedHttp; port: number }[] = [];

/** A replica of the witness, hosted as every service is. */
async function open(port: number): Promise<{ http: HostedHttp; port: number }> {
  const answered = async (call: Call) => {
    calls.push(call);
    await pause(2);
    return { body: {}, version: 7 };
  };
  const names = Object.keys(witnessContract.operations);
  const routes = {
    ...Object.fromEntries(names.map((name) => [name, answered])),
    quick: () => pause(60_000, undefined, { ref: false }),
  };
  const definition = { name: 'witness', contract: witnessContract, routes } as unknown as ServiceDefinition;
  const http = await hostHttp(definition, { name: 'witness', log } as unknown as Service, {
    log,
    callerOf: trust.callerOf,
    verifyToken: async (token) => ({ kind: 'user', userId: token.slice(-8), role: 'customer', sessionId: 's' }),
  });
  const { url } = await http.listen({ host: '127.0.0.1', port });
  return { http, port: Number(new URL(url).port) };
}

before(async () => {
  trust = await openTrust(settings, { hosted: ['gateway', 'witness'], log });
  replicas.push(await open(0), await open(0));
  const urls = replicas.map(({ port }) => `http://127.0.0.1:${port}`);
  const discovery = await createDiscovery(readSettings({}, discoverySettings), {
    log,
    environment: { STOA_WITNESS_URL: urls.join(',') },
    defaultUrl: () => 'http://127.0.0.1:1',
  });
  gateway = await startTestGateway({ STOA_RATE_LIMITS: 'off' }, { discovery, trust });
});
after(async () => {
  await gateway.close();
  await Promise.all(replicas.map(({ http }) => http.close(Date.now() + 1_000)));
  trust.close();
});

const url = (path: string) => `http://127.0.0.1:${gateway.port}${path}`;
const call = (path: string, init: RequestInit = {}) => fetch(url(path), init);
const post = (path: string) =>
  call(path, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });

describe('a service of the kit behind the proxy', () => {
  test('knows the user by the token, and nobody by what a client claims', async () => {
    const token = await gateway.token('customer');
    const claims = { 'x-stoa-on-behalf': 'e30', 'x-stoa-service': 'order', 'x-stoa-door': 'inside' };
    assert.equal(
      (await call('/api/v1/mine', { headers: { ...claims, authorization: `Bearer ${token}` } })).status,
      200,
    );
    assert.equal((await call('/api/v1/mine', { headers: claims })).status, 401);
    assert.equal((await call('/api/v1/things/1', { headers: claims })).status, 200);
    assert.deepEqual(
      calls.map(({ principal }) => principal),
      [{ kind: 'user', userId: token.slice(-8), role: 'customer', sessionId: 's' }, { kind: 'anonymous' }],
    );
  });

  test('does not show its internal operations to whoever the gateway speaks for', async () => {
    const proof = { ...trust.proof('gateway'), 'x-stoa-door': 'public' };
    const [{ port } = { port: 0 }] = replicas;
    const answer = await fetch(`http://127.0.0.1:${port}/internal/witness/secret`, { headers: proof });
    assert.equal(answer.status, 404);
  });

  test('answers with the ids and the trace that the gateway gave', async () => {
    calls.length = 0;
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await call('/api/v1/things/1', { headers: { traceparent, 'x-correlation-id': 'abc' } });
    assert.equal(answer.headers.get('x-correlation-id'), 'abc');
    assert.equal(calls[0]?.cause.correlationId, 'abc');
    assert.match(calls[0]?.cause.traceparent ?? '', /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  });

  test('hears of conditions, and its problems come through', async () => {
    const unchanged = await call('/api/v1/things/1', { headers: { 'if-none-match': '"7"' } });
    assert.deepEqual([unchanged.status, unchanged.headers.get('etag')], [304, '"7"']);
    const wrong = await call('/api/v1/things?x=1', { method: 'POST', body: '[]' });
    assert.equal(wrong.status, 415);
    assert.equal(wrong.headers.get('content-type'), 'application/problem+json');
  });

  test('refuses a long body of a wrong type, and the client gets to know', async () => {
    const body = 'x'.repeat(200_000);
    for (let request = 0; request < 5; request++)
      assert.equal((await call('/api/v1/orders-of-things', { method: 'POST', body })).status, 415);
    const file = { method: 'POST', body, headers: { 'content-type': 'application/json' } };
    assert.equal((await call('/api/v1/fill', file)).status, 415);
  });

  test('finds what the gateway finds, however long a parameter is', async () => {
    for (const length of [1_000, 1_001, 5_000]) {
      const answer = await call(`/api/v1/things/${'x'.repeat(length)}`);
      assert.equal(answer.status, 200, String(length));
    }
  });

  test('ends by itself at the deadline that travels with the request', async () => {
    const startedMs = performance.now();
    const answer = await call('/api/v1/quick');
    assert.deepEqual(
      [answer.status, ((await answer.json()) as { code: string }).code],
      [504, 'service.deadline-exceeded'],
    );
    assert.ok(performance.now() - startedMs < 900, 'the gateway did not have to cut it off');
  });

  test('refuses a body in chunks that is too long, and the client gets to know', async () => {
    const chunk = `${(1_000).toString(16)}\r\n${'x'.repeat(1_000)}\r\n`;
    const head = lines(
      'POST /api/v1/things HTTP/1.1',
      'Host: a',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    );
    const answer = await rawRequest(gateway.port, head, chunk.repeat(100), '0\r\n\r\n');
    assert.equal(answer.status, 413);
  });

  test('can be restarted, replica by replica, without one failed request', async () => {
    let running = true;
    const statuses = new Map<number, number>();
    const ask = async (one: () => Promise<Response>) => {
      while (running) {
        const answer = await one();
        await answer.arrayBuffer();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      }
    };
    const clients = Array.from({ length: 16 }, (_, index) =>
      ask(index % 2 === 0 ? () => call('/api/v1/things/1') : () => post('/api/v1/things')),
    );
    for (const index of [0, 1, 0, 1]) {
      await pause(300);
      const { http, port } = replicas[index] as (typeof replicas)[0];
      // As a process ends: everybody is told to use another connection while it still answers.
      http.retire();
      await pause(200);
      await http.close(Date.now() + 2_000);
      await pause(200);
      replicas[index] = await open(port);
    }
    await pause(300);
    running = false;
    await Promise.all(clients);
    assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
    assert.ok((statuses.get(200) ?? 0) > 500);
  });
});
