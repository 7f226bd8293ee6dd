import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { userContract } from '@stoa/contracts/user';
import { newSecret } from '@stoa/platform/auth';
import type { Hints } from '@stoa/platform/cache';
import { hostHttp } from '@stoa/platform/http';
import { newId } from '@stoa/platform/ids';
import { sampleService, sampleShop } from '@stoa/platform/testing';
import { lines, rawRequest } from './testing/raw-request.ts';
import { answerOk, hashSecret, startTestGateway, type TestGateway } from './testing/start-test-gateway.ts';

let gateway: TestGateway;
const start = async (environment: Record<string, string> = {}) => {
  gateway = await startTestGateway(environment);
};
const url = (path: string) => `http://127.0.0.1:${gateway.port}${path}`;
const call = (path: string, init: RequestInit = {}) => fetch(url(path), init);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  call(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

/** A user service by which no token has ended, and that looks keys up in this way. */
const offerKeys = (verifyApiKey: (call: { body: { hash: string } }) => Promise<{ body: unknown }>) => {
  const { getKeySet, verifyApiKey: verify, listRevocations } = userContract.operations;
  const operations = { getKeySet, verifyApiKey: verify, listRevocations };
  return gateway.offer('user', operations, {
    getKeySet: async () => ({ body: { keys: [] } }),
    listRevocations: async () => ({ body: { asOf: new Date().toISOString(), apiKeys: [], users: [], sessions: [] } }),
    verifyApiKey,
  });
};
const endTokensOf = (userId: string) =>
  gateway.emit('user.changed.v1', {
    userId,
    role: 'customer',
    active: true,
    tokensValidFrom: new Date().toISOString(),
  });

/** What other gateways would tell of, told by a test. */
function hintsByHand() {
  const heard: { hear: () => void; types: readonly string[] | undefined }[] = [];
  const hints = {
    tell: () => undefined,
    onHint: (hear: () => void, types?: readonly string[]) => void heard.push({ hear, types }),
    onMissed: () => undefined,
    hearing: true,
  } as unknown as Hints;
  const hint = (type: string) => {
    for (const { hear, types } of heard) if (types?.includes(type)) hear();
  };
  return { hints, hint };
}

/** Polls until `ready` holds, for at most two seconds. */
async function until(ready: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = Date.now() + 2_000; Date.now() < endMs; await pause(5)) if (await ready()) return;
  assert.fail(`not within 2 s: ${what}`);
}

afterEach(() => gateway.close());

describe('handing on', () => {
  beforeEach(() => start({ STOA_RATE_LIMITS: 'off' }));

  test('a path is handed on in the one spelling that was routed', async () => {
    const answer = await rawRequest(gateway.port, lines('GET /api/v1/%74hings/a%2Bb%c3%a9?x=%41 HTTP/1.1', 'Host: a'));
    assert.equal(answer.status, 200);
    assert.equal(gateway.handed[0]?.url, '/api/v1/things/a%2Bb%C3%A9?x=%41');
  });

  test('an absolute target of the same host is read as its path', async () => {
    const answer = await rawRequest(
      gateway.port,
      lines('GET http://Shop.example/api/v1/things/1 HTTP/1.1', 'Host: shop.example'),
    );
    assert.equal(answer.status, 200);
    assert.equal(gateway.handed[0]?.url, '/api/v1/things/1');
  });

  test('HTTP/1.0 without a Host is served', async () => {
    assert.equal((await rawRequest(gateway.port, lines('GET /api/v1/things/1 HTTP/1.0'))).status, 200);
  });

  test('identity and forwarding headers from outside are dropped, and so is what Connection lists', async () => {
    await rawRequest(
      gateway.port,
      lines(
        'GET /api/v1/things/1 HTTP/1.1',
        'Host: a',
        'X-User-Id: 1',
        'X-User-Role: admin',
        'X-Stoa-Principal: admin',
        'X-Forwarded-For: 9.9.9.9',
        'Forwarded: for=9.9.9.9',
        'X_Odd: 1',
        'X-Cart-Token: secret',
        'X-Kept: yes',
        'Connection: keep-alive, X-Cart-Token',
      ),
    );
    const [handed] = gateway.handed;
    assert.deepEqual(Object.keys(handed?.headers ?? {}).sort(), ['connection', 'host', 'x-kept']);
    assert.deepEqual(
      handed?.rawHeaders.filter((_, index) => index % 2 === 0),
      ['Host', 'X-Kept', 'Connection'],
    );
    assert.equal(handed?.context.clientAddress, '127.0.0.1');
  });

  test('a correlation id and a trace are taken over; odd ones are replaced', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await call('/api/v1/things/1', { headers: { 'x-correlation-id': 'abc', traceparent } });
    assert.equal(answer.headers.get('x-correlation-id'), 'abc');
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(gateway.handed[0]?.context.cause, { correlationId: 'abc', traceparent });
    const odd = await call('/api/v1/things/1', { headers: { 'x-correlation-id': 'a b<', traceparent: '00-0-0-01' } });
    assert.equal(odd.headers.get('x-correlation-id'), odd.headers.get('x-request-id'));
    assert.match(gateway.handed[1]?.context.cause.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  test('an address that leads nowhere is 404, another method 405 with Allow, both as problems', async () => {
    const nowhere = await call('/api/v1/nope');
    assert.deepEqual([nowhere.status, await codeOf(nowhere)], [404, 'route.not-found']);
    const other = await call('/api/v1/things/1', { method: 'DELETE' });
    assert.deepEqual([other.status, other.headers.get('allow')], [405, 'GET, HEAD']);
    assert.equal(other.headers.get('content-type'), 'application/problem+json');
    assert.equal((await call('/api/v1/things/1/')).status, 404);
  });

  test('HEAD is answered as GET without the body', async () => {
    const answer = await call('/api/v1/things/1', { method: 'HEAD' });
    assert.deepEqual([answer.status, await answer.text()], [200, '']);
    assert.equal(gateway.handed[0]?.method, 'GET');
  });

  test('every answer forbids framing, sniffing and scripts', async () => {
    for (const path of ['/api/v1/things/1', '/api/v1/nope', '/health/live', '/api/v1/public']) {
      const { headers } = await call(path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('x-frame-options'), 'DENY', path);
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
    }
  });

  test('a stream arrives piece by piece, and ends at the service when its reader goes', async () => {
    let gone = false;
    let write: (text: string) => void = () => assert.fail('not handed on');
    gateway.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      write = (text) => response.write(text);
      write('data: 1\n\n');
      response.on('close', () => {
        gone = true;
      });
    };
    const abort = new AbortController();
    const answer = await call('/api/v1/watch', { signal: abort.signal });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const next = async () => Buffer.from((await reader.read()).value as Uint8Array).toString();
    assert.equal(await next(), 'data: 1\n\n');
    write('data: 2\n\n');
    assert.equal(await next(), 'data: 2\n\n');
    abort.abort();
    await until(() => gone, 'the service hears that the reader has gone');
  });

  test('a service that never answers becomes 504', async () => {
    gateway.behave = () => undefined;
    const answer = await call('/api/v1/quick');
    assert.deepEqual([answer.status, await codeOf(answer)], [504, 'service.deadline-exceeded']);
  });

  test('a service that never answers becomes 504 though the clock is set back while it is waited for', async (t) => {
    const { now } = Date;
    gateway.behave = () => void t.mock.method(Date, 'now', () => now() - 300_000);
    const answer = await call('/api/v1/quick', { signal: AbortSignal.timeout(5_000) });
    assert.equal(answer.status, 504);
  });

  test('an upload is read while it is sent, and a client that expects 100 is told to go on', async () => {
    gateway.behave = (request, response) => {
      response.writeHead(200);
      request.pipe(response);
    };
    const request = httpRequest(url('/api/v1/fill'), {
      method: 'POST',
      headers: { 'content-type': 'text/csv', expect: '100-continue' },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.write('a,b\n');
    const [response] = await once(request, 'response');
    const [first] = await once(response, 'data');
    assert.equal(String(first), 'a,b\n');
    request.end('c,d\n');
    const [second] = await once(response, 'data');
    assert.equal(String(second), 'c,d\n');
  });
});

describe('callers', () => {
  beforeEach(() => start({ STOA_RATE_LIMITS: 'off' }));

  test('a good token speaks for its user, none for nobody', async () => {
    const userId = crypto.randomUUID();
    const token = await gateway.token('support', userId, 'session-1');
    await call('/api/v1/mine', { headers: bearer(token) });
    await call('/api/v1/mine');
    assert.deepEqual(
      gateway.handed.map(({ context }) => context.principal),
      [{ kind: 'user', userId, role: 'support', sessionId: 'session-1' }, { kind: 'anonymous' }],
    );
  });

  test('a token that is not good is refused even where none is needed', async () => {
    for (const authorization of ['Bearer abc', 'Bearer a.b.c', 'Basic dTpw', 'Bearer ', 'Bearer']) {
      const answer = await call('/api/v1/things/1', { headers: { authorization } });
      assert.deepEqual([answer.status, await codeOf(answer)], [401, 'auth.invalid'], authorization);
    }
    assert.deepEqual(gateway.handed, []);
  });

  test('a changed user’s older tokens end with the event, newer ones live', async () => {
    const userId = crypto.randomUUID();
    const token = await gateway.token('admin', userId);
    assert.equal((await call('/api/v1/mine', { headers: bearer(token) })).status, 200);
    await pause(2);
    endTokensOf(userId);
    assert.equal((await call('/api/v1/mine', { headers: bearer(token) })).status, 401);
    const newer = await gateway.token('customer', userId);
    assert.equal((await call('/api/v1/mine', { headers: bearer(newer) })).status, 200);
  });

  test('an erased user’s tokens end with the event', async () => {
    const userId = crypto.randomUUID();
    const token = await gateway.token('customer', userId);
    // The event's instant comes after every token: the user service takes both under one lock.
    gateway.emit('user.erased.v1', { userId, erasedAt: new Date(Date.now() + 1).toISOString() });
    assert.equal((await call('/api/v1/mine', { headers: bearer(token) })).status, 401);
  });

  test('a session that ended without an event is found out by asking', async () => {
    const sessionId = crypto.randomUUID();
    const token = await gateway.token('customer', undefined, sessionId);
    assert.equal((await call('/api/v1/mine', { headers: bearer(token) })).status, 200);
    gateway.ended.sessions.push({ sessionId, endedAt: new Date().toISOString() });
    const ended = async () => (await call('/api/v1/mine', { headers: bearer(token) })).status === 401;
    for (const endMs = Date.now() + 4_000; Date.now() < endMs; await pause(50)) if (await ended()) return;
    assert.fail('the session still counts');
  });

  test('a session that another gateway ended is asked about as soon as that is hinted at', async () => {
    const { hints, hint } = hintsByHand();
    const other = await startTestGateway({}, 'local', { hints });
    try {
      const sessionId = crypto.randomUUID();
      const headers = bearer(await other.token('customer', undefined, sessionId));
      const mine = () => fetch(`http://127.0.0.1:${other.port}/api/v1/mine`, { headers });
      assert.equal((await mine()).status, 200);
      other.ended.sessions.push({ sessionId, endedAt: new Date().toISOString() });
      hint('user.session-ended.v1');
      assert.equal((await mine()).status, 401);
    } finally {
      await other.close();
    }
  });

  test('a machine’s key is looked up by its hash, once for many requests', async () => {
    const key = `stoa_key_${'k'.repeat(43)}`;
    const id = crypto.randomUUID();
    gateway.apiKeys.set(hashSecret(key), { id, name: 'till', role: 'operator' });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await call('/api/v1/mine', { headers: bearer(key) })).status),
    );
    assert.deepEqual(new Set(statuses), new Set([200]));
    assert.equal(gateway.keyQuestions(), 1);
    assert.deepEqual(gateway.handed[0]?.context.principal, { kind: 'key', keyId: id, name: 'till', role: 'operator' });
    const wrong = await call('/api/v1/mine', { headers: bearer(`stoa_key_${'x'.repeat(43)}`) });
    assert.equal(wrong.status, 401);
  });
});

describe('quotas', () => {
  test('an anonymous address has its own, and is told how much is left', async () => {
    await start({ STOA_RATE_LIMIT_ANONYMOUS: '2' });
    const first = await call('/api/v1/things/1');
    assert.equal(first.headers.get('ratelimit-policy'), '"anonymous";q=2;w=60');
    assert.match(first.headers.get('ratelimit') ?? '', /^"anonymous";r=1;t=60$/);
    await call('/api/v1/things/1');
    const third = await call('/api/v1/things/1');
    assert.deepEqual([third.status, await codeOf(third)], [429, 'quota-exceeded']);
    assert.ok(Number(third.headers.get('retry-after')) > 0);
    const token = await gateway.token('customer');
    assert.equal((await call('/api/v1/things/1', { headers: bearer(token) })).status, 200);
    for (const probe of ['/health/live', '/ready']) assert.equal((await call(probe)).status, 200);
  });

  test('a caller and a machine have theirs, wherever they call from', async () => {
    await start({ STOA_RATE_LIMIT_CALLER: '1', STOA_RATE_LIMIT_KEY: '1' });
    const key = `stoa_key_${'k'.repeat(43)}`;
    gateway.apiKeys.set(hashSecret(key), { id: crypto.randomUUID(), name: 'till', role: 'operator' });
    const userId = crypto.randomUUID();
    const tokens = [await gateway.token('customer', userId, 's1'), await gateway.token('customer', userId, 's2')];
    assert.equal((await call('/api/v1/mine', { headers: bearer(tokens[0] as string) })).status, 200);
    assert.equal((await call('/api/v1/mine', { headers: bearer(tokens[1] as string) })).status, 429);
    const machine = await call('/api/v1/mine', { headers: bearer(key) });
    assert.equal(machine.headers.get('ratelimit-policy'), '"key";q=1;w=60');
    assert.equal((await call('/api/v1/mine', { headers: bearer(key) })).status, 429);
  });

  test('log-in is counted per address and per account, and its body arrives whole', async () => {
    await start({ STOA_RATE_LIMIT_AUTH: '3', STOA_TRUSTED_PROXIES: '127.0.0.1' });
    const bodies: string[] = [];
    gateway.behave = async (request, response, context) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(body);
      answerOk(request, response, context);
    };
    const logIn = (address: string, email: string) =>
      post('/api/v1/auth/login', JSON.stringify({ email, password: 'ä'.repeat(50) }), { 'x-forwarded-for': address });
    for (const address of ['1.1.1.1', '2.2.2.2', '3.3.3.3'])
      assert.equal((await logIn(address, 'Ada@x.org')).status, 200);
    assert.equal((await logIn('4.4.4.4', ' ada@X.org')).status, 429);
    assert.equal((await logIn('4.4.4.4', 'bob@x.org')).status, 200);
    assert.equal((await logIn('4.4.4.4', 'cyd@x.org')).status, 200);
    assert.equal((await logIn('4.4.4.4', 'dan@x.org')).status, 429);
    assert.deepEqual(JSON.parse(bodies[0] as string), { email: 'Ada@x.org', password: 'ä'.repeat(50) });
    assert.equal((await post('/api/v1/auth/login', '{}', { 'x-forwarded-for': '5.5.5.5' })).status, 200);
    assert.equal((await post('/api/v1/auth/login', '', { 'x-forwarded-for': '5.5.5.5' })).status, 200);
    const huge = await post('/api/v1/auth/login', `{"email":"${'a'.repeat(20_000)}"}`, {
      'x-forwarded-for': '6.6.6.6',
    });
    assert.deepEqual([huge.status, await codeOf(huge)], [413, 'request.too-large']);
  });

  test('bad tokens are counted against their address, and past it no more are looked at', async () => {
    await start({ STOA_RATE_LIMIT_ANONYMOUS: '2' });
    for (const expected of [401, 401, 429]) {
      const answer = await call('/api/v1/mine', { headers: bearer('a.b.c') });
      assert.equal(answer.status, expected);
    }
  });

  test('somebody’s bad tokens do not count against a caller who is known, even while it is asked which tokens have ended', async () => {
    const { hints, hint } = hintsByHand();
    gateway = await startTestGateway({ STOA_RATE_LIMIT_ANONYMOUS: '2' }, 'local', { hints });
    const sessionId = crypto.randomUUID();
    const good = await gateway.token('customer');
    const ending = await gateway.token('customer', undefined, sessionId);
    const statuses = async (...tokens: string[]) =>
      Promise.all(tokens.map(async (token) => (await call('/api/v1/mine', { headers: bearer(token) })).status));
    assert.deepEqual(await statuses(good, ending, 'a.b.c', 'a.b.c'), [200, 200, 401, 401]);
    const { listRevocations } = userContract.operations;
    const endedAt = new Date().toISOString();
    const ended = { asOf: endedAt, apiKeys: [], users: [], sessions: [{ sessionId, endedAt }] };
    await gateway.offer('user', { listRevocations }, { listRevocations: () => pause(100, { body: ended }) });
    hint('user.session-ended.v1');
    assert.deepEqual(await statuses(good, ending, 'a.b.c'), [200, 429, 429]);
  });
});

describe('answers from memory', () => {
  let version = 0;
  beforeEach(async () => {
    await start({ STOA_RATE_LIMITS: 'off' });
    version = 0;
    gateway.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ version: ++version }));
    };
  });
  const versionOf = async (answer: Response) => ((await answer.json()) as { version: number }).version;

  test('everybody who sees the same gets the same, staff is asked for anew', async () => {
    const customer = bearer(await gateway.token('customer'));
    const staff = bearer(await gateway.token('merchandiser'));
    assert.equal(await versionOf(await call('/api/v1/public?b=2&a=1')), 1);
    assert.equal(await versionOf(await call('/api/v1/public?a=1&b=2', { headers: customer })), 1);
    assert.equal(await versionOf(await call('/api/v1/public?a=1&b=2', { headers: staff })), 2);
    assert.equal(await versionOf(await call('/api/v1/public?a=1&b=2')), 1);
    assert.equal(await versionOf(await call('/api/v1/public?a=2')), 3);
  });

  test('the service sees nothing of the client at whose request it happens', async () => {
    await call('/api/v1/public', {
      headers: { ...bearer(await gateway.token('customer')), cookie: 'a=b', 'if-none-match': '"x"' },
    });
    const [handed] = gateway.handed;
    assert.deepEqual(handed?.context.principal, { kind: 'anonymous' });
    assert.deepEqual(Object.keys(handed?.headers ?? {}), ['host', 'accept']);
  });

  test('many who ask at once cause one question, and each answer has its own ids', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => call('/api/v1/public')));
    assert.deepEqual(new Set(await Promise.all(answers.map(versionOf))), new Set([1]));
    assert.equal(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size, 30);
    assert.equal(gateway.handed.length, 1);
  });

  test('a known tag is answered with 304, also by HEAD', async () => {
    const first = await call('/api/v1/public');
    const etag = first.headers.get('etag') ?? '';
    assert.match(etag, /^".+"$/);
    const again = await call('/api/v1/public', { headers: { 'if-none-match': `"old", W/${etag}` } });
    assert.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', etag]);
    const head = await call('/api/v1/public', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '13', '']);
    assert.equal((await call('/api/v1/public', { headers: { 'if-none-match': '"old"' } })).status, 200);
    assert.equal(gateway.handed.length, 1);
  });

  test('an event of the service shows at once', async () => {
    await call('/api/v1/public');
    gateway.emit('witness.changed.v1', {});
    assert.equal(await versionOf(await call('/api/v1/public')), 2);
  });

  test('a write through the gateway shows at once', async () => {
    await call('/api/v1/public');
    assert.equal((await post('/api/v1/things', '{}')).status, 200);
    await until(async () => (await versionOf(await call('/api/v1/public'))) === 3, 'the change is seen');
  });

  test('an answer that was under way while something changed is not kept', async () => {
    let finish: () => void = () => assert.fail('not asked');
    gateway.behave = (request, response, context) => {
      finish = () => answerOk(request, response, context);
    };
    const slow = call('/api/v1/public');
    await until(() => gateway.handed.length === 1, 'the service is asked');
    gateway.emit('witness.changed.v1', {});
    finish();
    assert.equal((await slow).status, 200);
    gateway.behave = answerOk;
    await call('/api/v1/public');
    assert.equal(gateway.handed.length, 2);
  });

  test('an answer that is not good is not kept', async () => {
    gateway.behave = (_request, response) => {
      response.writeHead(404, ['content-type', 'application/problem+json']);
      response.end('{}');
    };
    for (let count = 1; count <= 2; count++) {
      assert.equal((await call('/api/v1/public')).status, 404);
      assert.equal(gateway.handed.length, count);
    }
  });

  test('a service that breaks off gives 502 to all who wait, and is asked again', async () => {
    gateway.behave = (_request, response) => {
      response.destroy();
    };
    assert.equal((await call('/api/v1/public')).status, 502);
    gateway.behave = answerOk;
    assert.equal((await call('/api/v1/public')).status, 200);
  });
});

describe('scripts of other sites', () => {
  test('may read nothing unless their origin is named', async () => {
    await start({ STOA_CORS_ORIGINS: 'https://shop.example' });
    const preflight = (origin: string) =>
      call('/api/v1/things', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
    const known = await preflight('https://shop.example');
    assert.equal(known.status, 204);
    assert.equal(known.headers.get('access-control-allow-origin'), 'https://shop.example');
    assert.equal(known.headers.get('access-control-allow-methods'), 'POST, OPTIONS');
    assert.equal((await preflight('https://evil.example')).headers.get('access-control-allow-origin'), null);
    for (const path of ['/api/v1/things/1', '/api/v1/public', '/api/v1/nope']) {
      const read = await call(path, { headers: { origin: 'https://shop.example' } });
      assert.equal(read.headers.get('access-control-allow-origin'), 'https://shop.example', path);
      assert.match(read.headers.get('vary') ?? '', /Origin/, path);
      const other = await call(path, { headers: { origin: 'https://evil.example' } });
      assert.equal(other.headers.get('access-control-allow-origin'), null, path);
    }
  });

  test('may ask what they may do as often as they like: it carries no token, and would count against their address', async () => {
    await start({ STOA_CORS_ORIGINS: 'https://shop.example', STOA_RATE_LIMIT_ANONYMOUS: '1' });
    const headers = { origin: 'https://shop.example', 'access-control-request-method': 'GET' };
    for (let request = 0; request < 3; request++)
      assert.equal((await call('/api/v1/things/1', { method: 'OPTIONS', headers })).status, 204);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.equal((await call('/api/v1/things/1')).status, 429);
  });

  test('are told nothing by default', async () => {
    await start();
    const answer = await call('/api/v1/things/1', { headers: { origin: 'https://shop.example' } });
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
  });
});

describe('streams of events', () => {
  test('are open to each caller in a bounded number, and to others as well', async () => {
    await start({ STOA_STREAMS_PER_CALLER: '2' });
    gateway.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
    };
    const aborts = [0, 1, 2].map(() => new AbortController());
    const watch = (at: number, headers: Record<string, string> = {}) =>
      call('/api/v1/watch', { headers, signal: (aborts[at] as AbortController).signal });
    assert.deepEqual([(await watch(0)).status, (await watch(1)).status], [200, 200]);
    const refused = await watch(2);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '5']);
    assert.equal(await codeOf(refused), 'quota-exceeded');
    const [one, other] = [await gateway.token('customer'), await gateway.token('customer')];
    for (const token of [one, one, other]) assert.equal((await watch(2, bearer(token))).status, 200);
    assert.equal((await watch(2, bearer(one))).status, 429);
    aborts[0]?.abort();
    await until(async () => (await watch(2)).status === 200, 'the place of a stream that has ended is free');
    aborts[1]?.abort();
    aborts[2]?.abort();
  });
});

describe('an open stream', () => {
  test('is not taken for a leak by Node, which would warn of it', async () => {
    await start();
    const shop = await hostHttp(sampleShop(), sampleService, { log: sampleService.log });
    gateway.behave = shop.handle;
    const warnings: string[] = [];
    const note = ({ message }: Error) => warnings.push(message);
    process.on('warning', note);
    const stop = new AbortController();
    assert.equal((await call('/api/v1/watch', { signal: stop.signal })).status, 200);
    stop.abort();
    await shop.close(Date.now() + 500);
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  test('ends with its token, and no other does', async () => {
    await start();
    gateway.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      opened.push(response);
    };
    const opened: ServerResponse[] = [];
    const [userId, other] = [crypto.randomUUID(), crypto.randomUUID()];
    const key = newSecret('stoa_key').secret;
    gateway.apiKeys.set(hashSecret(key), { id: newId(), name: 'a machine', role: 'operator' });
    const stop = new AbortController();
    const tokens = [await gateway.token('support', userId), await gateway.token('customer', other), key, undefined];
    for (const token of tokens)
      await call('/api/v1/watch', { headers: token === undefined ? {} : bearer(token), signal: stop.signal });
    await pause(2);
    endTokensOf(userId);
    await until(() => opened[0]?.destroyed === true, 'the stream of the changed user has ended');
    assert.deepEqual(
      opened.map(({ destroyed }) => destroyed),
      [true, false, false, false],
    );
    stop.abort();
  });
});

describe('a client that goes while its token is looked at', () => {
  test('has nothing handed on, and keeps no place', async () => {
    await start({ STOA_STREAMS_PER_CALLER: '1' });
    const key = newSecret('stoa_key').secret;
    gateway.apiKeys.set(hashSecret(key), { id: newId(), name: 'a machine', role: 'operator' });
    const looked = Promise.withResolvers<void>();
    const goes = Promise.withResolvers<void>();
    await offerKeys(async ({ body }) => {
      looked.resolve();
      await goes.promise;
      return { body: gateway.apiKeys.get(body.hash) };
    });
    const going = new AbortController();
    const gone = call('/api/v1/watch', { headers: bearer(key), signal: going.signal }).catch(() => 'gone');
    await looked.promise;
    going.abort();
    assert.equal(await gone, 'gone');
    // Whoever asks now is heard after the end of that connection.
    await until(async () => (await call('/health/live')).ok, 'the gateway has seen it go');
    goes.resolve();
    gateway.behave = (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    assert.equal((await call('/api/v1/watch', { headers: bearer(key) })).status, 200);
    assert.equal(gateway.handed.filter(({ url }) => url === '/api/v1/watch').length, 1);
  });
});

describe('draining', () => {
  beforeEach(() => start({ STOA_RATE_LIMITS: 'off' }));

  test('what runs is finished, streams end, and nothing new is let in', async () => {
    let finish: () => void = () => assert.fail('not asked');
    gateway.behave = (request, response, context) => {
      if (request.url === '/api/v1/watch') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      } else finish = () => answerOk(request, response, context);
    };
    const watching = call('/api/v1/watch').then((answer) => answer.text());
    const running = call('/api/v1/things/1');
    await until(() => gateway.handed.length === 2, 'both run');
    const closed = gateway.edge.close(Date.now() + 5_000);
    await assert.rejects(watching);
    await assert.rejects(call('/api/v1/things/2'));
    finish();
    assert.equal((await running).status, 200);
    await closed;
  });

  test('what was let in is finished, also when it has not been handed on yet', async () => {
    let letThrough: (value: { body: unknown }) => void = () => assert.fail('the key is not asked for');
    let asked = false;
    await offerKeys(() => {
      asked = true;
      return new Promise((resolve) => (letThrough = resolve));
    });
    const running = call('/api/v1/mine', { headers: bearer('stoa_key_slow') });
    running.catch(() => undefined);
    await until(() => asked, 'somebody finds out whose key it is');
    const closed = gateway.edge.close(Date.now() + 5_000);
    await assert.rejects(call('/api/v1/things/2'));
    letThrough({ body: { id: crypto.randomUUID(), name: 'till', role: 'operator' } });
    assert.equal((await running).status, 200);
    await closed;
  });

  test('an answer is waited for until its reader has it', async () => {
    const big = Buffer.alloc(8_000_000, 'x');
    gateway.behave = (_request, response) => response.end(big);
    const answer = await call('/api/v1/things/1');
    const closed = gateway.edge.close(Date.now() + 20_000);
    assert.equal((await answer.arrayBuffer()).byteLength, big.length);
    await closed;
  });

  test('what does not finish by the deadline is cut off', async () => {
    gateway.behave = () => undefined;
    const running = call('/api/v1/things/1');
    running.catch(() => undefined);
    await until(() => gateway.handed.length === 1, 'it runs');
    const startedMs = performance.now();
    await gateway.edge.close(Date.now() + 200);
    assert.ok(performance.now() - startedMs < 2_000);
    await assert.rejects(running);
  });
});
