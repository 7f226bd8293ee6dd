import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { request as rawRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { refusal } from '../errors/index.ts';
import { type Operation, type Principal, signed } from '../schema/index.ts';
import { createTraces } from '../telemetry/index.ts';
import { type SampleWitness, sampleService, sampleShop } from '../testing/index.ts';
import { type HostedHttp, hostHttp } from './host-http.ts';

const principals: Record<string, Principal> = {
  customer: { kind: 'user', userId: 'u1', role: 'customer', sessionId: 's1' },
  merchandiser: { kind: 'user', userId: 'u2', role: 'merchandiser', sessionId: 's2' },
  admin: { kind: 'user', userId: 'u3', role: 'admin', sessionId: 's3' },
  machine: { kind: 'key', keyId: 'k1', role: 'admin', name: 'import' },
};

async function verifyToken(token: string): Promise<Principal> {
  const principal = principals[token];
  if (principal === undefined) throw refusal('auth.invalid', 'The token is not valid.');
  return principal;
}

const witness: SampleWitness = { aborted: 0, deadlines: [], bodies: [] };
const observed: string[] = [];
let hosted: HostedHttp;
let url = '';
before(async () => {
  const traces = await createTraces({ environment: {}, perSecondMax: 1_000_000 });
  hosted = await hostHttp(sampleShop(witness), sampleService, {
    log: sampleService.log,
    verifyToken,
    callerOf({ headers }) {
      if (headers['x-stoa-service'] === 'impostor') throw refusal('auth.invalid', 'The proof is not valid.');
      return headers['x-stoa-service'] as string | undefined;
    },
    checkAnswers: true,
    traces,
    observe: (operation, method, status) => observed.push(`${method} ${operation} ${status}`),
  });
  ({ url } = await hosted.listen({ host: '127.0.0.1', port: 0 }));
});
after(() => hosted.close(Date.now() + 2_000));

const byService = { 'x-stoa-service': 'order' };
const as = (who: string): Record<string, string> => (who === 'order' ? byService : { authorization: `Bearer ${who}` });
const json = { 'content-type': 'application/json' };
const order = JSON.stringify({ items: [{ sku: 'A', quantity: 1 }] });

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

describe('who may call', () => {
  const cases: [string, string, string, number, string | undefined][] = [
    ['GET', '/api/v1/teas/assam', '', 200, undefined],
    ['GET', '/api/v1/teas/assam', 'forged', 401, 'auth.invalid'],
    ['GET', '/api/v1/tea-orders/mine', '', 401, 'auth.missing'],
    ['GET', '/api/v1/tea-orders/mine', 'customer', 200, undefined],
    ['GET', '/api/v1/tea-orders/mine', 'machine', 403, 'auth.forbidden'],
    ['DELETE', '/api/v1/teas/assam', '', 401, 'auth.missing'],
    ['DELETE', '/api/v1/teas/assam', 'customer', 403, 'auth.forbidden'],
    ['DELETE', '/api/v1/teas/assam', 'merchandiser', 204, undefined],
    ['DELETE', '/api/v1/teas/assam', 'admin', 204, undefined],
    ['DELETE', '/api/v1/teas/assam', 'machine', 204, undefined],
    ['DELETE', '/api/v1/teas/assam', 'order', 204, undefined],
    ['POST', '/internal/prices', '', 401, 'auth.missing'],
    ['POST', '/internal/prices', 'admin', 403, 'auth.forbidden'],
    ['GET', '/api/v1/tea-orders/0190a6e0-0000-7000-8000-000000000000', '', 401, 'auth.missing'],
    ['GET', '/api/v1/tea-orders/0190a6e0-0000-7000-8000-000000000000', 'customer', 200, undefined],
  ];
  for (const [method, path, token, status, code] of cases) {
    test(`${token || 'nobody'} asking ${method} ${path} gets ${status} ${code ?? ''}`, async () => {
      const answer = await ask(method, path, token === '' ? {} : as(token));
      deepEqual([answer.status, answer.body?.code], [status, code]);
    });
  }

  test('a guest with a proof is let through to the handler', async () => {
    const answer = await ask('GET', '/api/v1/tea-orders/0190a6e0-0000-7000-8000-000000000000', {
      'x-order-token': 'any',
    });
    equal(answer.status, 200);
  });

  test('who may call is settled before what was sent', async () => {
    const answer = await ask('PATCH', '/api/v1/teas/assam', json, '{');
    deepEqual([answer.status, answer.body.code], [401, 'auth.missing']);
    const typed = await ask('PATCH', '/api/v1/teas/assam', { 'content-type': 'text/plain' }, 'x');
    equal(typed.body.code, 'auth.missing');
  });

  test('401 says how to sign in', async () => {
    equal((await ask('GET', '/api/v1/tea-orders/mine')).headers.get('www-authenticate'), 'Bearer');
    const invalid = await ask('GET', '/api/v1/tea-orders/mine', { authorization: 'Basic eDp5' });
    equal(invalid.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  });

  test('only a service can speak on behalf of somebody', async () => {
    const behalf = { 'x-stoa-on-behalf': Buffer.from(JSON.stringify(principals.customer)).toString('base64url') };
    const answered = await ask('GET', '/api/v1/tea-orders/mine', { ...byService, ...behalf });
    deepEqual(answered.body.principal, principals.customer);
    const byOther = await ask('GET', '/api/v1/tea-orders/mine', { ...as('merchandiser'), ...behalf });
    deepEqual(byOther.body.principal, principals.merchandiser);
    equal((await ask('GET', '/api/v1/tea-orders/mine', behalf)).status, 401);
  });

  test('a bad proof of the calling service is told apart from a bad token', async () => {
    const unproven = await ask('GET', '/api/v1/tea-orders/mine', { 'x-stoa-service': 'impostor', ...as('customer') });
    deepEqual(
      [unproven.status, unproven.body.code, unproven.headers.get('x-stoa-unproven')],
      [401, 'auth.invalid', '1'],
    );
    const forged = await ask('GET', '/api/v1/tea-orders/mine', as('forged'));
    deepEqual([forged.status, forged.headers.get('x-stoa-unproven')], [401, null]);
  });

  describe('what a gateway in another process hands on', () => {
    const handedOn = { ...byService, 'x-stoa-door': 'public' };

    test('is as its sender is: the token is verified here too, and nobody is spoken for', async () => {
      const behalf = { 'x-stoa-on-behalf': Buffer.from(JSON.stringify(principals.admin)).toString('base64url') };
      equal((await ask('GET', '/api/v1/tea-orders/mine', { ...handedOn, ...behalf })).body.code, 'auth.missing');
      const own = await ask('GET', '/api/v1/tea-orders/mine', { ...handedOn, ...behalf, ...as('customer') });
      deepEqual(own.body.principal, principals.customer);
      const forged = await ask('GET', '/api/v1/tea-orders/mine', { ...handedOn, ...as('forged') });
      deepEqual([forged.status, forged.body.code], [401, 'auth.invalid']);
    });

    test('finds no internal operation, however the door is named', async () => {
      for (const door of ['public, public', 'PUBLIC', '']) {
        const headers = { ...byService, 'x-stoa-door': door, ...json };
        equal((await ask('POST', '/internal/prices', headers, '{}')).status, 404, door);
      }
      const answer = await ask('POST', '/internal/prices', { ...handedOn, ...as('admin'), ...json }, '{}');
      deepEqual([answer.status, answer.body.code], [404, 'route.not-found']);
    });

    test('is nobody to an operation whose callers sign, whatever they put into authorization', async () => {
      const { contract, ...rest } = sampleShop();
      const { getTea } = contract.operations as Record<string, Operation>;
      const operations = { ...contract.operations, getTea: { ...getTea, access: signed } as Operation };
      const signing = { ...rest, contract: { ...contract, operations } };
      const other = await hostHttp(signing, sampleService, {
        log: sampleService.log,
        verifyToken,
        callerOf: () => 'gateway',
      });
      try {
        const listening = await other.listen({ host: '127.0.0.1', port: 0 });
        for (const headers of [{ ...handedOn, authorization: 'Basic cHJvdmlkZXI6eA==' }, { authorization: 'Bearer x' }])
          equal((await fetch(`${listening.url}/api/v1/teas/assam`, { headers })).status, 200);
      } finally {
        await other.close(Date.now());
      }
    });

    test('keeps its request id and its trace', async () => {
      const requestId = '0190a6e0-0000-7000-8000-000000000001';
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      const answer = await ask('GET', '/api/v1/teas/none', {
        ...handedOn,
        'x-request-id': requestId,
        traceparent: `00-${trace}-00f067aa0ba902b7-00`,
      });
      deepEqual([answer.headers.get('x-request-id'), answer.body.traceId], [requestId, trace]);
      const stranger = await ask('GET', '/api/v1/teas/none', { 'x-request-id': requestId });
      notEqual(stranger.headers.get('x-request-id'), requestId);
    });
  });
});

describe('what every answer has', () => {
  test('ids, and the correlation id that was sent', async () => {
    const answer = await ask('GET', '/api/v1/teas/assam', { 'x-correlation-id': 'mine-1' });
    equal(answer.headers.get('x-correlation-id'), 'mine-1');
    match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    const made = await ask('GET', '/api/v1/teas/assam', { 'x-correlation-id': 'has space' });
    match(made.headers.get('x-correlation-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  test('a problem is application/problem+json with the trace that was sent', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await ask('GET', '/api/v1/teas/none', { traceparent });
    equal(answer.headers.get('content-type'), 'application/problem+json');
    deepEqual(answer.body, {
      type: '/docs/errors#tea.not-found',
      title: 'There is no such tea',
      status: 404,
      detail: 'There is no tea none.',
      code: 'tea.not-found',
      traceId: '0af7651916cd43dd8448eb211c80319c',
    });
  });

  test('a fault tells nothing of the inside', async () => {
    const answer = await ask('GET', '/api/v1/teas/broken');
    deepEqual([answer.status, answer.body.code], [500, 'internal']);
    equal(JSON.stringify(answer.body).includes('password'), false);
  });

  test('nobody may keep an answer unless the operation says so, and never a problem', async () => {
    equal((await ask('GET', '/api/v1/teas')).headers.get('cache-control'), 'no-store');
    match(
      (await ask('GET', '/api/v1/teas/assam')).headers.get('cache-control') ?? '',
      /^public, max-age=0, s-maxage=1/,
    );
    equal((await ask('GET', '/api/v1/teas/assam', as('merchandiser'))).headers.get('cache-control'), 'no-store');
    equal((await ask('GET', '/api/v1/teas/none')).headers.get('cache-control'), 'no-store');
  });

  test('requests are observed by the name of their operation', async () => {
    observed.length = 0;
    await ask('GET', '/api/v1/teas/none');
    deepEqual(observed, ['GET getTea 404']);
  });
});

describe('versions', () => {
  test('If-None-Match gives 304 without a body', async () => {
    equal((await ask('GET', '/api/v1/teas/assam')).headers.get('etag'), '"7"');
    for (const tag of ['"7"', 'W/"7"', '"1", "7"', '*']) {
      const answer = await ask('GET', '/api/v1/teas/assam', { 'if-none-match': tag });
      deepEqual([answer.status, answer.body], [304, undefined]);
    }
    equal((await ask('GET', '/api/v1/teas/assam', { 'if-none-match': '"8"' })).status, 200);
  });

  test('a stale If-Match is 412', async () => {
    const patch = (tag: string) =>
      ask('PATCH', '/api/v1/teas/assam', { ...as('admin'), ...json, 'if-match': tag }, '{"name":"Assam"}');
    const stale = await patch('"6"');
    deepEqual([stale.status, stale.body.code], [412, 'resource.stale']);
    deepEqual([(await patch('"7"')).status, (await patch('*')).status], [200, 200]);
    equal((await patch('W/"7"')).status, 412);
  });
});

describe('idempotency keys', () => {
  const place = (headers: Record<string, string>) => ask('POST', '/api/v1/tea-orders', { ...json, ...headers }, order);

  test('an operation that requires one says so', async () => {
    const answer = await place({});
    deepEqual([answer.status, answer.body.code], [400, 'idempotency.key-required']);
  });

  test('a key has 1 to 255 characters of ASCII and is given once', async () => {
    equal((await place({ 'idempotency-key': 'k'.repeat(255) })).status, 202);
    equal((await place({ 'idempotency-key': 'k'.repeat(256) })).status, 400);
    equal((await place({ 'idempotency-key': 'order 42' })).status, 202);
    equal((await place({ 'idempotency-key': 'a, b' })).body.code, 'request.invalid');
  });

  test('the fingerprint ignores spelling and headers, and nothing else', async () => {
    const print = async (body: string) => {
      const headers = { ...json, 'idempotency-key': 'k', prefer: `wait=${Math.floor(body.length % 5)}` };
      return (await ask('POST', '/api/v1/tea-orders', headers, body)).body.fingerprint;
    };
    const first = await print('{"items":[{"sku":"A","quantity":1}],"note":"n"}');
    match(first, /^[0-9a-f]{64}$/);
    equal(await print(' { "note" : "\\u006e", "items":[ {"quantity":1.0, "sku":"A"}] }'), first);
    notEqual(await print('{"items":[{"sku":"A","quantity":2}],"note":"n"}'), first);
  });
});

describe('addresses and methods', () => {
  test('an unknown path is 404, another method 405 with what is allowed', async () => {
    const unknown = await ask('GET', '/api/v1/coffee');
    deepEqual([unknown.status, unknown.body.code], [404, 'route.not-found']);
    const other = await ask('PUT', '/api/v1/teas/assam');
    deepEqual([other.status, other.body.code], [405, 'request.method-not-allowed']);
    equal(other.headers.get('allow'), 'GET, HEAD, PATCH, DELETE');
    equal((await ask('GET', '/internal/prices')).status, 404);
    equal((await ask('GET', '/api/v1/teas/')).status, 404);
  });

  test('HEAD answers as GET does, without the body', async () => {
    const get = await ask('GET', '/api/v1/teas/assam');
    const head = await ask('HEAD', '/api/v1/teas/assam');
    deepEqual([head.status, head.body], [200, undefined]);
    for (const name of ['etag', 'content-length', 'content-type']) equal(head.headers.get(name), get.headers.get(name));
  });
});

describe('waiting', () => {
  test('past its limit an operation is 504 and its handler is told', async () => {
    witness.aborted = 0;
    const answer = await ask('POST', '/api/v1/steep', json, '{"how":"long"}');
    deepEqual([answer.status, answer.body.code, witness.aborted], [504, 'service.deadline-exceeded', 1]);
  });

  test('Prefer: wait is read, limited to 30 s, and ignored when it makes no sense', async () => {
    const wait = async (prefer: string) =>
      (await ask('GET', '/api/v1/tea-orders/mine', { ...as('customer'), prefer })).body.waitS;
    deepEqual([await wait('wait=5'), await wait('respond-async, wait=5'), await wait('wait=90')], [5, 5, 30]);
    deepEqual(
      [await wait('wait=-1'), await wait('wait=soon'), await wait('wait=1.5'), await wait('swait=4')],
      [0, 0, 0, 0],
    );
  });
});

describe('streams', () => {
  test('server-sent events come one by one and go on after the last one seen', async () => {
    const abort = new AbortController();
    witness.aborted = 0;
    const answer = await fetch(`${url}/api/v1/watch`, { headers: { 'last-event-id': '1' }, signal: abort.signal });
    equal(answer.headers.get('content-type'), 'text/event-stream');
    let text = '';
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.includes('id: 3\n') && text.endsWith('\n\n')) break;
    }
    equal(text, 'id: 2\nevent: tea\ndata: {"id":2}\n\nid: 3\nevent: tea\ndata: {"id":3}\n\n');
    abort.abort();
    await until(() => witness.aborted === 1);
  });

  test('a streamed body is counted while it comes', async () => {
    const csv = { 'content-type': 'text/csv' };
    deepEqual((await ask('POST', '/api/v1/teas/import', csv, 'x'.repeat(1_000))).body, { bytes: 1_000 });
    equal((await ask('POST', '/api/v1/teas/import', csv, 'x'.repeat(1_001))).status, 413);
    equal((await ask('POST', '/api/v1/teas/import', json, '{}')).status, 415);
    equal(await postChunks('/api/v1/teas/import', 'text/csv', ['x'.repeat(600), 'x'.repeat(600)]), 413);
  });
});

describe('closing', () => {
  test('lets running requests finish, ends streams, then refuses connections', async () => {
    const own = await hostHttp(sampleShop(), sampleService, { log: sampleService.log });
    const listening = await own.listen({ host: '127.0.0.1', port: 0 });
    const steeping = fetch(`${listening.url}/api/v1/steep`, { method: 'POST', headers: json, body: '{"how":"long"}' });
    const watching = await fetch(`${listening.url}/api/v1/watch`);
    await fetch(`${listening.url}/api/v1/teas`);
    const startedMs = Date.now();
    await own.close(Date.now() + 5_000);
    ok(Date.now() - startedMs < 2_000);
    equal((await steeping).status, 504);
    await watching.text().catch(() => undefined);
    equal(await fetch(listening.url).catch(() => 'refused'), 'refused');
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    ok(tries < 200, 'the condition never came true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function postChunks(path: string, type: string, chunks: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = rawRequest(url + path, { method: 'POST', headers: { 'content-type': type } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    for (const chunk of chunks) sent.write(chunk);
    sent.end();
  });
}
