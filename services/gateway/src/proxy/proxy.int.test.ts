import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { unprovenHeader } from '@stoa/platform/http';
import { lines, rawRequest } from '../testing/raw-request.ts';
import { goneReplica, httpReplica, type Replica, rawReplica } from '../testing/replicas.ts';
import { startTestGateway, type TestGateway } from '../testing/start-test-gateway.ts';

let gateway: TestGateway;
let replicas: Replica[] = [];
const start = async (given: readonly Replica[], environment: Record<string, string> = {}) => {
  replicas = [...given];
  const urls = given.map(({ url }) => url);
  gateway = await startTestGateway({ STOA_RATE_LIMITS: 'off', ...environment }, urls);
};
afterEach(async () => {
  await gateway.close();
  await Promise.all(replicas.map((replica) => replica.close().catch(() => undefined)));
});

const url = (path: string) => `http://127.0.0.1:${gateway.port}${path}`;
const call = (path: string, init: RequestInit = {}) => fetch(url(path), init);
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  call(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
const problemOf = async (answer: Response) => {
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  return (await answer.json()) as { code: string; detail: string };
};
const outcomes = () => gateway.told.map(({ outcome }) => outcome);

/** Polls until `ready` holds, for at most five seconds. */
async function until(ready: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = Date.now() + 5_000; Date.now() < endMs; await pause(5)) if (await ready()) return;
  assert.fail(`not within 5 s: ${what}`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const ok: RequestListener = (request, response) => {
  request.resume();
  request.on('end', () => response.end('{"ok":true}'));
};
const okBytes = 'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"ok":true}';

describe('what a service is sent', () => {
  test('is what was routed, with what the gateway found out, and nothing a client may not say', async () => {
    let seen: IncomingMessage | undefined;
    const replica = await httpReplica((request, response) => {
      seen = request;
      response.end();
    });
    await start([replica], { STOA_TRUSTED_PROXIES: '127.0.0.1' });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await rawRequest(
      gateway.port,
      lines(
        'GET /api/v1/%74hings/a%2Bb?x=%41 HTTP/1.1',
        'Host: shop.example',
        'X-Forwarded-For: 7.7.7.7, 9.9.9.9',
        'X-Forwarded-Proto: gopher',
        'X-Real-IP: 1.1.1.1',
        'X-User-Id: 1',
        'X-Stoa-Service: order',
        'X-Stoa-Door: inside',
        'X-Stoa-On-Behalf: admin',
        'X-Request-Id: mine',
        'X-Correlation-Id: abc',
        `Traceparent: ${traceparent}`,
        'Tracestate: a=b',
        'Keep-Alive: timeout=1',
        'TE: trailers',
        'Proxy-Authorization: secret',
        'X-Cart-Token: secret',
        'X-Kept: yes',
        'Connection: keep-alive, X-Cart-Token',
      ),
    );
    assert.equal(answer.status, 200);
    assert.equal(seen?.url, '/api/v1/things/a%2Bb?x=%41');
    const { 'x-request-id': requestId, 'x-stoa-timeout-ms': timeoutMs, host, ...rest } = seen?.headers ?? {};
    assert.deepEqual(rest, {
      connection: 'keep-alive',
      'x-kept': 'yes',
      'x-forwarded-for': '9.9.9.9',
      'x-correlation-id': 'abc',
      'x-stoa-door': 'public',
      'x-stoa-service': 'gateway proven',
      traceparent,
    });
    assert.equal(`http://${host}`, replica.url);
    assert.match(answer.text, new RegExp(`x-request-id: ${requestId}`, 'i'));
    assert.ok(Number(timeoutMs) > 9_000 && Number(timeoutMs) <= 10_000, String(timeoutMs));
  });

  test('holds the token as it came, for the service looks at it itself', async () => {
    const seen: unknown[] = [];
    await start([
      await httpReplica((request, response) => {
        seen.push(request.headers.authorization);
        response.end('{}');
      }),
    ]);
    const token = await gateway.token('customer');
    await call('/api/v1/mine', { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await call('/api/v1/mine', { headers: { authorization: 'Bearer a.b.c' } })).status, 401);
    // An answer for all is asked for on nobody's behalf.
    await call('/api/v1/public', { headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual(seen, [`Bearer ${token}`, undefined]);
  });

  test('is a body without a change, short or long, of known length or not, and none for a GET', async () => {
    const seen: { bytes: Buffer; length: string | undefined; coding: string | undefined }[] = [];
    await start([
      await httpReplica(async (request, response) => {
        const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
        seen.push({ bytes: await bodyOf(request), length, coding });
        response.end('{}');
      }),
    ]);
    const short = Buffer.alloc(1_000, 'ä');
    const long = Buffer.alloc(1_000_000, 'long body ');
    await post('/api/v1/things', short.toString());
    await post('/api/v1/orders-of-things', long.toString());
    const chunked = httpRequest(url('/api/v1/things'), { method: 'POST' });
    chunked.write(short);
    chunked.end(short);
    (await once(chunked, 'response'))[0].resume();
    await post('/api/v1/things', '');
    await rawRequest(gateway.port, `${lines('GET /api/v1/things/1 HTTP/1.1', 'Host: a', 'Content-Length: 2')}{}`);
    assert.deepEqual(
      seen.map(({ length, coding }) => [length, coding]),
      [
        ['1000', undefined],
        ['1000000', undefined],
        [undefined, 'chunked'],
        ['0', undefined],
        [undefined, undefined],
      ],
    );
    const bodies = [short, long, Buffer.concat([short, short]), Buffer.alloc(0), Buffer.alloc(0)];
    for (const [index, body] of bodies.entries()) assert.ok(seen[index]?.bytes.equals(body), String(index));
  });

  test('goes over one connection, request after request, a HEAD and empty answers included', async () => {
    const statuses = [200, 204, 304, 200];
    const methods: unknown[] = [];
    const replica = await httpReplica((request, response) => {
      methods.push(request.method);
      response.writeHead(statuses.shift() ?? 200, { 'x-thing': 'yes' });
      response.end();
    });
    await start([replica]);
    for (const method of ['HEAD', 'GET', 'GET', 'GET']) {
      const answer = await call('/api/v1/things/1', { method });
      assert.deepEqual([answer.headers.get('x-thing'), await answer.text()], ['yes', '']);
    }
    assert.deepEqual([methods, replica.connections()], [['HEAD', 'GET', 'GET', 'GET'], 1]);
  });
});

describe('what a client is answered', () => {
  test('has the service’s headers but those of its connection, and the gateway’s own once', async () => {
    const replica = await rawReplica((socket) => {
      const head = [
        'HTTP/1.1 200 Odd',
        'Content-Type: application/json',
        'ETag: "1"',
        'Connection: keep-alive, X-Secret, X-Request-Id',
        'X-Secret: 1',
        'Keep-Alive: timeout=5',
        'Proxy-Authenticate: Basic',
        'Trailer: X-Late',
        'X-Stoa-Inside: 1',
        'X-Request-Id: theirs',
        'RateLimit: "theirs";r=1;t=1',
        'Access-Control-Allow-Origin: *',
        'Vary: Accept',
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
        'Transfer-Encoding: chunked',
      ];
      socket.write(`${lines(...head)}2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n`);
    });
    await start([replica], { STOA_CORS_ORIGINS: 'https://shop.example', STOA_RATE_LIMITS: 'on' });
    const answer = await rawRequest(
      gateway.port,
      lines('GET /api/v1/things/1 HTTP/1.1', 'Host: a', 'Origin: https://shop.example'),
    );
    const [head = ''] = answer.text.split('\r\n\r\n');
    const names = head
      .split('\r\n')
      .slice(1)
      .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
    assert.deepEqual(names.sort(), [
      'access-control-allow-origin',
      'access-control-expose-headers',
      'connection',
      'content-security-policy',
      'content-type',
      'date',
      'etag',
      'keep-alive',
      'ratelimit',
      'ratelimit-policy',
      'referrer-policy',
      'set-cookie',
      'set-cookie',
      'transfer-encoding',
      'vary',
      'vary',
      'x-content-type-options',
      'x-correlation-id',
      'x-frame-options',
      'x-request-id',
    ]);
    assert.match(head, /access-control-allow-origin: https:\/\/shop\.example/i);
    assert.match(head, /ratelimit: "anonymous"/i);
    assert.doesNotMatch(answer.text, /theirs|X-Late/i);
    assert.match(head, /keep-alive: timeout=65/i);
    assert.equal(answer.body, '2\r\n{}\r\n0\r\n\r\n');
  });

  test('is a problem of the service as it is, with the gateway’s headers', async () => {
    await start([
      await httpReplica((_request, response) => {
        response.writeHead(409, { 'content-type': 'application/problem+json' });
        response.end('{"code":"thing.odd"}');
      }),
    ]);
    const answer = await call('/api/v1/things/1');
    assert.deepEqual([answer.status, (await problemOf(answer)).code], [409, 'thing.odd']);
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    assert.deepEqual(outcomes(), ['ok']);
  });

  test('is not an early hint', async () => {
    await start([await rawReplica((socket) => socket.write(`HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\n${okBytes}`))]);
    const answer = await rawRequest(gateway.port, lines('GET /api/v1/things/1 HTTP/1.1', 'Host: a'));
    assert.deepEqual([answer.status, answer.body], [200, '{"ok":true}']);
  });

  test('comes no faster than it is read', async () => {
    let written = 0;
    const replica = await httpReplica((_request, response) => {
      const chunk = Buffer.alloc(65_536);
      const more = () => {
        while (written < 64_000_000) {
          written += chunk.length;
          if (!response.write(chunk)) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    });
    await start([replica]);
    const request = httpRequest(url('/api/v1/things/1'));
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause();
    let before = -1;
    await until(async () => {
      const same = before === written;
      before = written;
      await pause(100);
      return same;
    }, 'the service is held back');
    assert.ok(written < 32_000_000, `${written} bytes were taken from the service for a client that reads none`);
    let read = 0;
    for await (const chunk of response) read += (chunk as Buffer).length;
    assert.ok(read >= 64_000_000);
  });

  test('is whole although it came before the request was', async () => {
    const replica = await httpReplica((request, response) => {
      request.resume();
      response.writeHead(409, { 'content-type': 'application/problem+json' });
      response.end('{"code":"thing.odd"}');
    });
    await start([replica]);
    const client = connect(gateway.port, '127.0.0.1');
    let text = '';
    let failed: Error | undefined;
    client.on('error', (error) => (failed = error));
    client.on('data', (chunk) => (text += chunk));
    const chunk = `${(1_000).toString(16)}\r\n${'x'.repeat(1_000)}\r\n`;
    const head = ['POST /api/v1/fill HTTP/1.1', 'Host: a', 'Content-Type: text/csv', 'Transfer-Encoding: chunked'];
    client.write(lines(...head) + chunk);
    await until(() => text.includes('thing.odd'), 'the answer');
    // A client that goes on sending is not met with a reset, which could destroy the answer on its way.
    for (let count = 0; count < 10; count++) {
      client.write(chunk);
      await pause(5);
    }
    await until(() => client.readableEnded, 'the connection ends');
    assert.equal(failed, undefined);
    assert.match(text, /^HTTP\/1\.1 409 /);
    assert.match(text, /^connection: close/im);
  });

  test('is cut off where the service broke off, so that nobody takes the half for the whole', async () => {
    const halves = ['content-length: 100\r\n\r\nhalf', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'];
    const replica = await rawReplica((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${halves.shift() ?? ''}`, () => setTimeout(() => socket.destroy(), 20));
    });
    await start([replica]);
    for (let count = 0; count < 2; count++) {
      await assert.rejects(call('/api/v1/things/1').then((answer) => answer.text()));
    }
    assert.deepEqual(outcomes(), ['failed', 'failed']);
  });

  for (const [oddity, bytes] of Object.entries({
    'that is no HTTP': 'hello\r\n\r\n',
    'with headers that are too long': `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
    'with two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
    'with a length and a coding': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'that is a 100 nobody asked for': `HTTP/1.1 100 Continue\r\n\r\n${okBytes}`,
    'that switches protocols': 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    'that is nothing at all': '',
  })) {
    test(`is 502 for an answer ${oddity}`, async () => {
      await start([await rawReplica((socket) => socket.end(bytes))]);
      const answer = await post('/api/v1/things', '{}');
      const { code, detail } = await problemOf(answer);
      assert.deepEqual([answer.status, code], [502, 'service.bad-gateway']);
      assert.match(detail, /witness/);
      assert.equal(answer.headers.get('x-frame-options'), 'DENY');
      assert.deepEqual(outcomes(), ['failed']);
    });
  }
});

describe('a body of unknown length', () => {
  test('is cut off with 413 where it becomes longer than its operation takes', async () => {
    let bytes = 0;
    let gone = false;
    await start([
      await httpReplica((request) => {
        request.on('data', (chunk: Buffer) => (bytes += chunk.length));
        request.on('error', () => (gone = true));
      }),
    ]);
    const chunk = `${(1_000).toString(16)}\r\n${'x'.repeat(1_000)}\r\n`;
    const head = lines('POST /api/v1/things HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked');
    const answer = await rawRequest(gateway.port, head, chunk.repeat(100));
    assert.deepEqual([answer.status, answer.closed], [413, true]);
    assert.match(answer.body, /request\.too-large/);
    await until(() => gone, 'the service hears of it');
    assert.ok(bytes <= 2_000, String(bytes));
    assert.deepEqual(outcomes(), ['unknown']);
  });
});

describe('time', () => {
  test('a service that hangs becomes 504, by its name, and hears that nobody waits', async () => {
    let gone = false;
    const hang: RequestListener = (request) => request.socket.once('close', () => (gone = true));
    await start([await httpReplica(hang)]);
    const answer = await call('/api/v1/quick');
    const { code, detail } = await problemOf(answer);
    assert.deepEqual([answer.status, code], [504, 'service.deadline-exceeded']);
    assert.match(detail, /witness/);
    await until(() => gone, 'the service hears of it');
    assert.deepEqual(outcomes(), ['failed']);
  });

  test('a client that prefers to wait is waited with', async () => {
    const slow: RequestListener = (_request, response) => void setTimeout(() => response.end('{}'), 1_800);
    await start([await httpReplica(slow)]);
    assert.equal((await call('/api/v1/quick')).status, 504);
    assert.equal((await call('/api/v1/quick', { headers: { prefer: 'wait=2' } })).status, 200);
  });

  test('a client that goes away takes its request along', async () => {
    let asked = false;
    let gone = false;
    await start([
      await httpReplica((request) => {
        asked = true;
        request.socket.once('close', () => (gone = true));
      }),
    ]);
    const abort = new AbortController();
    const asking = call('/api/v1/things/1', { signal: abort.signal });
    await until(() => asked, 'the service is asked');
    abort.abort();
    await assert.rejects(asking);
    await until(() => gone, 'the service hears of it');
    assert.deepEqual(outcomes(), ['unknown']);
  });

  test('an upload that breaks off ends at the service too', async () => {
    let gone = false;
    let bytes = 0;
    await start([
      await httpReplica((request) => {
        request.on('data', (chunk: Buffer) => (bytes += chunk.length));
        request.on('error', () => (gone = true));
      }),
    ]);
    const upload = httpRequest(url('/api/v1/fill'), { method: 'POST', headers: { 'content-type': 'text/csv' } });
    upload.on('error', () => undefined);
    upload.write('a,b\n');
    await until(() => bytes === 4, 'the beginning arrives');
    upload.destroy();
    await until(() => gone, 'the service hears of it');
  });

  test('a stream arrives piece by piece both ways, and a client that expects 100 is told to go on', async () => {
    await start([
      await httpReplica((request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.flushHeaders();
        request.pipe(response);
      }),
    ]);
    const headers = { 'content-type': 'text/csv', expect: '100-continue' };
    const upload = httpRequest(url('/api/v1/fill'), { method: 'POST', headers });
    upload.flushHeaders();
    await once(upload, 'continue');
    upload.write('a,b\n');
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    assert.equal(String((await once(response, 'data'))[0]), 'a,b\n');
    upload.write('c,d\n');
    assert.equal(String((await once(response, 'data'))[0]), 'c,d\n');
    upload.end();
    await once(response, 'end');
  });

  test('events stream until the gateway drains', async () => {
    let gone = false;
    await start([
      await httpReplica((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
        response.once('close', () => (gone = true));
      }),
    ]);
    const answer = await call('/api/v1/watch');
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    assert.equal(Buffer.from((await reader.read()).value as Uint8Array).toString(), 'data: 1\n\n');
    const closed = gateway.edge.close(Date.now() + 2_000);
    await assert.rejects(reader.read());
    await until(() => gone, 'the service hears of it');
    await closed;
  });
});

describe('clients that do not read', () => {
  const huge: RequestListener = (_request, response) => {
    const chunk = Buffer.alloc(65_536);
    let left = 1_000;
    const more = () => {
      while (left > 0) {
        left -= 1;
        if (!response.write(chunk)) return response.once('drain', more);
      }
      return response.end();
    };
    more();
  };
  const get = lines('GET /api/v1/things/1 HTTP/1.1', 'Host: a');

  test('are cut off, so that they hold no connection to a service', async () => {
    await start(
      [await httpReplica((request, response) => (request.url?.endsWith('/1') ? huge : ok)(request, response))],
      {
        STOA_UPSTREAM_CONNECTIONS: '1',
        STOA_UNREAD_TIMEOUT_MS: '300',
      },
    );
    const client = connect(gateway.port, '127.0.0.1', () => client.write(get));
    client.on('error', () => undefined);
    client.pause();
    assert.equal((await call('/api/v1/things/2', { signal: AbortSignal.timeout(8_000) })).status, 200);
    client.destroy();
    assert.deepEqual(outcomes(), ['ok', 'ok']);
  });

  test('are not those that read slowly', async () => {
    await start([await httpReplica(huge)], { STOA_UNREAD_TIMEOUT_MS: '1000' });
    const startedMs = Date.now();
    const request = httpRequest(url('/api/v1/things/1'));
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let bytes = 0;
    let rest = 0;
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      rest += (chunk as Buffer).length;
      if (rest < 4_000_000) continue;
      rest = 0;
      await pause(200);
    }
    assert.equal(bytes, 65_536_000);
    assert.ok(Date.now() - startedMs > 2_000);
  });

  test('nor those that wait for a stream in which nothing happens', async () => {
    let stream: ServerResponse | undefined;
    await start(
      [
        await httpReplica((request, response) => {
          if (request.url !== '/api/v1/watch') return ok(request, response);
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: 1\n\n');
          stream = response;
        }),
      ],
      { STOA_UNREAD_TIMEOUT_MS: '100' },
    );
    const answer = await call('/api/v1/watch');
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await pause(500);
    stream?.write('data: 2\n\n');
    assert.equal(Buffer.from((await reader.read()).value as Uint8Array).toString(), 'data: 2\n\n');
    await reader.cancel();
  });

  test('have one request under way at a time, however many they send ahead; the answers come in order', async () => {
    const running: ServerResponse[] = [];
    const asked: string[] = [];
    await start([
      await httpReplica((request, response) => {
        asked.push(request.url ?? '');
        running.push(response);
      }),
    ]);
    const ahead = [1, 2, 3].map((id) => lines(`GET /api/v1/things/${id} HTTP/1.1`, 'Host: a')).join('');
    const client = connect(gateway.port, '127.0.0.1', () => client.write(ahead));
    let text = '';
    client.on('data', (chunk) => (text += chunk));
    for (const id of [1, 2, 3]) {
      await until(() => asked.length === 1, `request ${id} is asked for`);
      // Another client's request takes the same way: had the next one of this client been handed on, it would have come first.
      const other = call(`/api/v1/things/other-${id}`);
      await until(() => running.length === 2, 'the other request is asked for');
      assert.deepEqual(asked, [`/api/v1/things/${id}`, `/api/v1/things/other-${id}`]);
      for (const response of running.splice(0)) response.end(`"${asked.shift()}"`);
      assert.equal((await other).status, 200);
    }
    await until(() => text.includes('things/3"'), 'the last answer');
    client.destroy();
    assert.deepEqual(
      [...text.matchAll(/"\/api\/v1\/things\/(\d)"/g)].map(([, id]) => id),
      ['1', '2', '3'],
    );
  });

  test('and go away leave nothing behind of what they have sent ahead', async () => {
    const asked: string[] = [];
    let gone = false;
    await start([
      await httpReplica((request, response) => {
        asked.push(request.url ?? '');
        if (request.url?.endsWith('/last')) return ok(request, response);
        request.socket.once('close', () => (gone = true));
      }),
    ]);
    const client = connect(gateway.port, '127.0.0.1', () => client.write(get.repeat(20)));
    await until(() => asked.length > 0, 'the service is asked');
    client.destroy();
    await until(() => gone, 'the service hears of it');
    assert.equal((await call('/api/v1/things/last')).status, 200);
    assert.deepEqual(asked, ['/api/v1/things/1', '/api/v1/things/last']);
  });

  test('and send ahead without end are cut off', async () => {
    await start([await httpReplica(() => undefined)]);
    const client = connect(gateway.port, '127.0.0.1', () => client.write(get.repeat(200)));
    client.on('error', () => undefined);
    client.resume();
    await until(() => client.closed, 'the connection is closed');
  });
});

describe('replicas that fail', () => {
  test('a service of which none can be reached is 503, by its name', async () => {
    await start([await goneReplica(), await goneReplica()]);
    const answer = await post('/api/v1/things', '{}');
    const { code, detail } = await problemOf(answer);
    assert.deepEqual([answer.status, code], [503, 'service.unavailable']);
    assert.match(detail, /witness/);
    assert.equal(answer.headers.get('retry-after'), '1');
  });

  test('a service of which none is known is 503 too', async () => {
    await start([]);
    assert.equal((await call('/api/v1/things/1')).status, 503);
  });

  test('a request that one refuses goes to another, whatever it is, with its whole body', async () => {
    const bodies: number[] = [];
    const good = await httpReplica(async (request, response) => {
      bodies.push((await bodyOf(request)).length);
      response.end('{}');
    });
    await start([await goneReplica(), good]);
    assert.equal((await post('/api/v1/things', '{"a":1}')).status, 200);
    assert.equal((await post('/api/v1/orders-of-things', 'x'.repeat(500_000))).status, 200);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.deepEqual(bodies, [7, 500_000, 0]);
    assert.deepEqual(outcomes(), ['failed', 'ok', 'failed', 'ok', 'failed', 'ok']);
  });

  test('a request that one takes and drops is repeated only where twice is as good as once', async () => {
    let dropped = 0;
    const dropping = await rawReplica((socket) => {
      dropped += 1;
      socket.destroy();
    });
    const bodies: string[] = [];
    const good = await httpReplica(async (request, response) => {
      bodies.push(String(await bodyOf(request)));
      response.end('{}');
    });
    await start([dropping, good]);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.equal((await post('/api/v1/orders-of-things', '{"a":1}', { 'idempotency-key': 'k' })).status, 200);
    assert.deepEqual(bodies, ['', '{"a":1}']);
    for (const [path, headers] of [
      ['/api/v1/orders-of-things', {}],
      // The operation does not honour keys, so the service would do it twice.
      ['/api/v1/things', { 'idempotency-key': 'k' }],
    ] as const) {
      assert.equal((await post(path, '{}', headers)).status, 502);
    }
    assert.deepEqual([bodies.length, dropped], [2, 4]);
  });

  test('a request whose first holder died is asked again until its key is free: its client has sent it once', async () => {
    const held: RequestListener = (_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json', 'retry-after': '1' });
      response.end('{"code":"idempotency.in-progress"}');
    };
    let asked = 0;
    const replica = await httpReplica((request, response) => {
      asked += 1;
      (asked <= 2 ? held : ok)(request, response);
    });
    await start([await rawReplica((socket) => socket.destroy()), replica]);
    const order = () => post('/api/v1/orders-of-things', '{"a":1}', { 'idempotency-key': 'k' });
    assert.deepEqual([(await order()).status, asked], [200, 3]);
    assert.deepEqual(outcomes(), ['failed', 'ok', 'ok', 'ok']);
  });

  test('a key that another request holds is told to the client, who has sent two', async () => {
    let asked = 0;
    await start([
      await httpReplica((_request, response) => {
        asked += 1;
        response.writeHead(409, { 'content-type': 'application/problem+json', 'retry-after': '1' });
        response.end('{"code":"idempotency.in-progress"}');
      }),
    ]);
    const answer = await post('/api/v1/orders-of-things', '{"a":1}', { 'idempotency-key': 'k' });
    assert.deepEqual([answer.status, answer.headers.get('retry-after'), asked], [409, '1', 1]);
  });

  test('one that does not believe the gateway counts as failed, and its requests go to another, whatever they are', async () => {
    const strict = await httpReplica((request, response) => {
      request.resume();
      response.writeHead(401, { 'content-type': 'application/problem+json', [unprovenHeader]: '1' });
      response.end('{"code":"auth.invalid"}');
    });
    const bodies: string[] = [];
    const good = await httpReplica(async (request, response) => {
      bodies.push(String(await bodyOf(request)));
      response.end('{}');
    });
    await start([strict, good]);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.equal((await post('/api/v1/things', '{"a":1}')).status, 200);
    assert.deepEqual(bodies, ['', '{"a":1}']);
    assert.deepEqual(outcomes(), ['failed', 'ok', 'failed', 'ok']);
  });

  test('a service none of which believes the gateway is 502, by its name, for it is not the client that is not believed', async () => {
    await start([
      await httpReplica((request, response) => {
        request.resume();
        response.writeHead(401, { [unprovenHeader]: '1' });
        response.end();
      }),
    ]);
    const answer = await post('/api/v1/things', '{}');
    const { code, detail } = await problemOf(answer);
    assert.deepEqual([answer.status, code], [502, 'service.bad-gateway']);
    assert.match(detail, /witness/);
    assert.deepEqual(outcomes(), ['failed']);
  });

  test('a connection that is closed just when a request is sent costs a read nothing, and a write is not repeated', async () => {
    const replica = await rawReplica((socket: Socket, _bytes, times) => {
      if (times === 1) socket.write(okBytes);
      else socket.resetAndDestroy();
    });
    await start([replica]);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.equal((await post('/api/v1/things', '{}')).status, 502);
    assert.equal(replica.connections(), 1);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.equal((await call('/api/v1/things/1')).status, 200);
    assert.equal(replica.connections(), 3);
  });

  test('repetitions stay within a fifth of the requests', async () => {
    let asked = 0;
    const dropping = await rawReplica((socket) => {
      asked += 1;
      socket.destroy();
    });
    await start([dropping]);
    for (let count = 0; count < 100; count++) assert.equal((await call('/api/v1/things/1')).status, 502);
    assert.ok(asked > 100 && asked <= 100 + 10 + 20, String(asked));
  });

  test('more requests than connections and places in the queue are refused at once; streams have their own', async () => {
    const waiting: (() => void)[] = [];
    let streams = 0;
    const replica = await httpReplica((request, response) => {
      if (request.url === '/api/v1/watch') {
        streams += 1;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      } else waiting.push(() => ok(request, response));
    });
    await start([replica], { STOA_UPSTREAM_CONNECTIONS: '1' });
    const abort = new AbortController();
    const watching = await Promise.all(
      Array.from({ length: 10 }, () => call('/api/v1/watch', { signal: abort.signal })),
    );
    assert.deepEqual([watching.length, streams], [10, 10]);
    const answers = Array.from({ length: 7 }, () => call('/api/v1/things/1'));
    const statuses: number[] = [];
    for (const answer of answers) void answer.then(({ status }) => statuses.push(status));
    await until(() => statuses.length === 2, 'two are answered while one runs and four wait');
    assert.deepEqual(statuses, [503, 503]);
    await until(() => {
      waiting.shift()?.();
      return statuses.length === 7;
    }, 'the others are answered');
    assert.deepEqual(statuses.slice(2), [200, 200, 200, 200, 200]);
    for (const answer of await Promise.all(answers)) if (answer.status === 503) await problemOf(answer);
    // A replica that could not be given a request has not answered one.
    assert.equal(outcomes().filter((outcome) => outcome === 'unknown').length, 2);
    abort.abort();
  });
});

describe('connections of their own', () => {
  test('clients that wait find some however many streams are open', async () => {
    let streams = 0;
    await start(
      [
        await httpReplica((request, response) => {
          if (request.url !== '/api/v1/watch') return ok(request, response);
          streams += 1;
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: 1\n\n');
        }),
      ],
      { STOA_CONNECTIONS_PER_ADDRESS: '3000' },
    );
    const abort = new AbortController();
    const watching = Array.from({ length: 1_000 }, () => call('/api/v1/watch', { signal: abort.signal }));
    assert.ok((await Promise.all(watching)).every(({ status }) => status === 200));
    assert.equal(streams, 1_000);
    assert.equal((await call('/api/v1/watch')).status, 503);
    const waiting = await post('/api/v1/orders-of-things', '{}', { prefer: 'wait=5' });
    assert.equal(waiting.status, 200);
    abort.abort();
  });

  test('a client whose body found none may go away, and a stream is no call that goes on', async () => {
    let uploads = 0;
    const replica = await httpReplica((request, response) => {
      if (request.url === '/api/v1/watch') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      } else if (request.method === 'POST') uploads += 1;
      else ok(request, response);
    });
    await start([replica], { STOA_CONNECTIONS_PER_ADDRESS: '3000' });
    const upload = () => {
      const client = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
      client.write(
        `${lines('POST /api/v1/orders-of-things HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}1\r\n{\r\n`,
      );
      return client;
    };
    const clients: Socket[] = [];
    while (clients.length < 1_000) {
      clients.push(...Array.from({ length: 100 }, upload));
      await until(() => uploads === clients.length, `${clients.length} bodies are on their way`);
    }
    const left = upload();
    const [head] = (await once(left, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 503 /);
    left.destroy();
    const abort = new AbortController();
    const watching = await call('/api/v1/watch', { signal: abort.signal });
    assert.equal(watching.status, 200);
    assert.deepEqual(outcomes(), ['unknown', 'ok']);
    abort.abort();
    for (const client of clients) client.destroy();
    assert.equal((await call('/api/v1/things/1')).status, 200);
  });

  for (const [what, head, more] of [
    ['in chunks', 'Transfer-Encoding: chunked', '1\r\n{\r\n'],
    ['of 100,000 bytes', 'Content-Length: 100000', '{'],
  ] as const) {
    test(`a body ${what} that comes slowly takes none from requests that are soon answered`, async () => {
      let begun = false;
      const replica = await httpReplica((request, response) => {
        if (request.method === 'POST') begun = true;
        ok(request, response);
      });
      await start([replica], { STOA_UPSTREAM_CONNECTIONS: '1' });
      const client = connect(gateway.port, '127.0.0.1');
      client.write(lines('POST /api/v1/orders-of-things HTTP/1.1', 'Host: a', head) + more);
      await until(() => begun, 'the service is sent its beginning');
      assert.equal((await call('/api/v1/things/1', { signal: AbortSignal.timeout(3_000) })).status, 200);
      client.destroy();
    });
  }
});

describe('a body whose rest comes after its client was told that it took too long', () => {
  const body = Buffer.alloc(100_000, ' ').fill('{}', 99_998);
  const half = body.length / 2;
  const chunk = (bytes: Buffer) =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
  for (const [what, head, first, rest] of [
    ['of a length', `Content-Length: ${body.length}`, body.subarray(0, half), body.subarray(half)],
    [
      'in chunks',
      'Transfer-Encoding: chunked',
      chunk(body.subarray(0, half)),
      Buffer.concat([chunk(body.subarray(half)), chunk(Buffer.alloc(0))]),
    ],
  ] as const) {
    test(`is not carried out, ${what}`, async () => {
      const ends: string[] = [];
      const replica = await httpReplica((request, response) => {
        request.resume();
        request.once('error', () => ends.push('broken off'));
        request.once('end', () => {
          ends.push('carried out');
          response.end('{}');
        });
      });
      await start([replica], { STOA_BODY_TIMEOUT_MS: '300' });
      const client = connect(gateway.port, '127.0.0.1');
      client.write(lines('POST /api/v1/orders-of-things HTTP/1.1', 'Host: a', 'Content-Type: application/json', head));
      client.write(first);
      const [told] = (await once(client, 'data')) as [Buffer];
      assert.match(told.toString(), /^HTTP\/1\.1 408 /);
      client.write(rest);
      client.resume();
      await until(() => ends.length > 0, 'the service has seen its end');
      assert.deepEqual(ends, ['broken off']);
      client.destroy();
    });
  }
});

describe('answers for all', () => {
  test('are asked for once, kept, and shown with the gateway’s headers; failures are not kept', async () => {
    let asked = 0;
    let broken = true;
    await start([
      await httpReplica((_request, response) => {
        asked += 1;
        if (broken) response.destroy();
        else {
          response.writeHead(200, { 'content-type': 'application/json', 'x-stoa-inside': '1' });
          response.end('{"n":1}');
        }
      }),
    ]);
    assert.equal((await call('/api/v1/public')).status, 502);
    broken = false;
    asked = 0;
    const answers = await Promise.all(Array.from({ length: 10 }, () => call('/api/v1/public')));
    for (const answer of answers) {
      assert.deepEqual([answer.status, await answer.text()], [200, '{"n":1}']);
      assert.equal(answer.headers.get('x-frame-options'), 'DENY');
      assert.equal(answer.headers.get('x-stoa-inside'), null);
    }
    assert.equal(asked, 1);
  });
});
