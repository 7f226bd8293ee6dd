import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { lines, rawRequest } from './testing/raw-request.ts';
import { startTestGateway, type TestGateway } from './testing/start-test-gateway.ts';

const get = 'GET /api/v1/things/1 HTTP/1.1';
const host = 'Host: shop.example';
const post = 'POST /api/v1/things HTTP/1.1';
const json = 'Content-Type: application/json';

/** Requests that two programs could read in two ways, and what is odd about each. */
const refused: Record<string, string> = {
  'no Host': lines(get),
  'two Hosts': lines(get, host, 'Host: other.example'),
  'two equal Hosts': lines(get, host, host),
  'an empty Host': lines(get, 'Host: '),
  'a Host with a user': lines(get, 'Host: me@shop.example'),
  'a Host with a path': lines(get, 'Host: shop.example/x'),
  'a list for a Host': lines(get, 'Host: a.example, b.example'),
  'a Host with a space': lines(get, 'Host: shop example'),
  'a Host that is half an IPv6 address': lines(get, 'Host: [::1'),
  'an absolute target of another host': lines('GET http://evil.example/api/v1/things/1 HTTP/1.1', host),
  'an absolute target with a user': lines('GET http://shop.example@evil.example/ HTTP/1.1', host),
  'a target that is a star': lines('GET * HTTP/1.1', host),
  'a target without a slash': lines('GET api/v1/things/1 HTTP/1.1', host),
  'a dot segment': lines('GET /api/v1/x/../things/1 HTTP/1.1', host),
  'a dot segment at the end': lines('GET /api/v1/things/.. HTTP/1.1', host),
  'a single dot': lines('GET /api/v1/./things/1 HTTP/1.1', host),
  'an escaped dot segment': lines('GET /api/v1/x/%2e%2e/things/1 HTTP/1.1', host),
  'a half escaped dot segment': lines('GET /api/v1/x/.%2E/things/1 HTTP/1.1', host),
  'an escaped slash behind dots': lines('GET /api/v1/things/..%2f..%2finternal HTTP/1.1', host),
  'an escaped backslash': lines('GET /api/v1/things/..%5c1 HTTP/1.1', host),
  'an empty segment': lines('GET /api/v1//things/1 HTTP/1.1', host),
  'two slashes in front': lines('GET //evil.example/api/v1/things/1 HTTP/1.1', host),
  'a backslash': lines('GET /api/v1\\things/1 HTTP/1.1', host),
  'a backslash in the query': lines('GET /api/v1/things/1?a=\\ HTTP/1.1', host),
  'a fragment': lines('GET /api/v1/things/1#x HTTP/1.1', host),
  'a NUL': lines('GET /api/v1/things/1%00 HTTP/1.1', host),
  'a NUL in the query': lines('GET /api/v1/things/1?a=%00 HTTP/1.1', host),
  'an escape of one digit': lines('GET /api/v1/things/%4 HTTP/1.1', host),
  'an escape that is no number': lines('GET /api/v1/things/%zz HTTP/1.1', host),
  'escapes that are not UTF-8': lines('GET /api/v1/things/%ff HTTP/1.1', host),
  'bytes outside ASCII': lines('GET /api/v1/things/\u00e9 HTTP/1.1', host),
  'HTTP/1.0 with a Transfer-Encoding': `${lines('POST /api/v1/things HTTP/1.0', host, json, 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'a Transfer-Encoding of identity, chunked': `${lines(post, host, json, 'Transfer-Encoding: identity, chunked')}0\r\n\r\n`,
  'two Transfer-Encodings': `${lines(post, host, json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'a Transfer-Encoding beside a Content-Length': `${lines(post, host, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'two Content-Lengths': `${lines(post, host, 'Content-Length: 2', 'Content-Length: 3')}{}`,
  'a Content-Length with a sign': `${lines(post, host, 'Content-Length: +2')}{}`,
  'a space before the colon': lines(get, host, 'X-A : b'),
  'a folded header': lines(get, host, 'X-A: b', ' c'),
  'two Authorizations': lines(get, host, 'Authorization: Bearer a', 'Authorization: Bearer b'),
  'two X-User-Ids': lines(get, host, 'X-User-Id: 1', 'X-User-Id: 2'),
  'an X_User_Id': lines(get, host, 'X_User_Id: 1'),
  'an X-User_Role': lines(get, host, 'X-User_Role: admin'),
  'two order tokens': lines(get, host, 'X-Order-Token: 1', 'X-Order-Token: 2'),
  'two Idempotency-Keys': lines(get, host, 'Idempotency-Key: 1', 'Idempotency-Key: 2'),
};

for (const placement of ['local', 'remote'] as const) {
  describe(`in front of a service that is ${placement}`, () => distrust(placement));
}

function distrust(placement: 'local' | 'remote'): void {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway(
      { STOA_RATE_LIMITS: 'off', STOA_HEADERS_TIMEOUT_MS: '400', STOA_BODY_TIMEOUT_MS: '400' },
      placement,
    );
  });
  after(() => gateway.close());
  beforeEach(() => {
    gateway.handed.length = 0;
  });

  for (const [oddity, bytes] of Object.entries(refused)) {
    test(`a request with ${oddity} is refused, its connection closed, and nobody is handed it`, async () => {
      const answer = await rawRequest(gateway.port, bytes);
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.text, /content-type: application\/problem\+json/i);
      const problem = JSON.parse(answer.body) as Record<string, unknown>;
      assert.equal(problem['code'], 'request.invalid');
      assert.equal(problem['status'], 400);
      assert.equal(answer.closed, true);
      assert.deepEqual(gateway.handed, []);
    });
  }

  test('headers that are too long are refused with 431 and the connection is closed', async () => {
    const answer = await rawRequest(gateway.port, lines(get, host, `X-A: ${'a'.repeat(20_000)}`));
    assert.equal(answer.status, 431);
    assert.match(answer.text, /^x-request-id: [0-9a-f-]{36}\r$/m);
    assert.match((JSON.parse(answer.body) as { traceId: string }).traceId, /^[0-9a-f]{32}$/);
    assert.equal(answer.closed, true);
  });

  test('headers that trickle in are cut off', async () => {
    const startedMs = performance.now();
    const answer = await rawRequest(gateway.port, `${get}\r\n${host}\r\n`);
    assert.equal(answer.status, 408);
    assert.equal(answer.closed, true);
    assert.ok(performance.now() - startedMs < 5_000);
  });

  test('a body that trickles in is cut off with 408', async () => {
    gateway.behave = () => undefined;
    const answer = await rawRequest(gateway.port, lines(post, host, json, 'Content-Length: 10'), '{');
    assert.equal(answer.status, 408);
    assert.equal((JSON.parse(answer.body) as { code: string }).code, 'request.timeout');
    assert.equal(answer.closed, true);
  });

  test('a body larger than its operation takes is refused before it is read', async () => {
    const answer = await rawRequest(gateway.port, lines(post, host, json, 'Content-Length: 1000000'), 'x');
    assert.equal(answer.status, 413);
    assert.equal(answer.closed, true);
    assert.deepEqual(gateway.handed, []);
  });

  test('a request smuggled behind a refused one is never read', async () => {
    const inner = lines('GET /api/v1/things/smuggled HTTP/1.1', host);
    const answer = await rawRequest(gateway.port, lines(get, host, host), inner);
    assert.equal(answer.status, 400);
    assert.equal(answer.text.match(/HTTP\/1\.1 \d{3}/g)?.length, 1);
    assert.deepEqual(gateway.handed, []);
  });

  test('internal operations cannot be reached from outside, however they are spelt', async () => {
    for (const path of ['/internal/witness/secret', '/%69nternal/witness/secret', '/INTERNAL/witness/secret']) {
      const answer = await rawRequest(gateway.port, lines(`GET ${path} HTTP/1.1`, host));
      assert.equal(answer.status, 404, path);
    }
    assert.deepEqual(gateway.handed, []);
  });
}
