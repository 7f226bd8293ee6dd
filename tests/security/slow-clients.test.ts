// limit: 90 s
// load: half
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { openWatchedShop, type WatchedShop } from './open-shop.ts';
import { Wire } from './send.ts';

const patienceMs = 800;
let shop: WatchedShop;
let wire: Wire;

before(async () => {
  shop = await openWatchedShop({
    STOA_HEADERS_TIMEOUT_MS: String(patienceMs),
    STOA_BODY_TIMEOUT_MS: String(patienceMs),
  });
  wire = new Wire(shop.port);
});
after(async () => {
  wire?.close();
  await shop?.close();
});

interface Ended {
  readonly text: string;
  readonly ms: number;
}

/** Sends the start at once and then a byte every 50 ms, until the shop has had enough. */
function dribble(start: string, forever: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    let drip: NodeJS.Timeout | undefined;
    const socket: Socket = connect(shop.port, '127.0.0.1', () => {
      socket.write(start);
      // Not before: what is written while the connection opens goes ahead of the start.
      drip = setInterval(() => socket.write(forever), 50);
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    const end = () => {
      clearInterval(drip);
      clearTimeout(limit);
      socket.destroy();
      resolve({ text, ms: performance.now() - startedMs });
    };
    const limit = setTimeout(() => {
      clearInterval(drip);
      socket.destroy();
      reject(new Error(`still open after ${patienceMs * 10} ms; so far: ${text}`));
    }, patienceMs * 10);
    socket.on('close', end);
    socket.on('error', () => undefined);
  });
}

function assertTimedOut({ text, ms }: Ended, what: string): void {
  assert.match(text, /^HTTP\/1\.1 408 /, what);
  assert.match(text, /"code":"request.timeout"/, what);
  assert.ok(ms < patienceMs * 6, `${what}: after ${Math.round(ms)} ms`);
}

const head = (target: string, more = '') =>
  `POST ${target} HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n${more}`;

describe('clients that take their time', () => {
  test('headers that never end are answered 408', async () => {
    assertTimedOut(await dribble('GET /api/v1/products HTTP/1.1\r\nHost: shop.example\r\n', 'X: y\r\n'), 'lines');
    assertTimedOut(await dribble('GET /api/v1/products HTTP/1.1\r\nHost: shop.example\r\nX: ', 'y'), 'one line');
  });

  test('a body that comes a byte at a time is answered 408, by whichever service it is for', async () => {
    const targets = ['/api/v1/auth/login', '/api/v1/orders', '/api/v1/carts', '/api/v1/webhooks/payments/sandbox'];
    for (const target of targets) {
      assertTimedOut(
        await dribble(`${head(target, 'Content-Length: 4000\r\nIdempotency-Key: k\r\n')}\r\n{`, ' '),
        target,
      );
    }
    const chunked = `${head('/api/v1/orders', 'Transfer-Encoding: chunked\r\nIdempotency-Key: k\r\n')}\r\n1\r\n{\r\n`;
    assertTimedOut(await dribble(chunked, '1\r\n \r\n'), 'in chunks');
  });

  test('a connection on which nothing is ever said is closed', async () => {
    const { ms } = await dribble('', '');
    assert.ok(ms < patienceMs * 6);
  });

  test('two hundred of them keep nobody else waiting', async () => {
    const crowd = Array.from({ length: 200 }, (_, at) =>
      dribble(
        at % 2 === 0
          ? 'GET / HTTP/1.1\r\nX: '
          : `${head('/api/v1/orders', 'Content-Length: 4000\r\nIdempotency-Key: k\r\n')}\r\n{`,
        ' ',
      ),
    );
    const waits: number[] = [];
    for (let at = 0; at < 50; at++) {
      const answer = await wire.send({ method: 'GET', path: '/api/v1/products' });
      assert.equal(answer.status, 200);
      waits.push(answer.ms);
    }
    assert.ok(Math.max(...waits) < 1_000, `the longest of 50 reads took ${Math.round(Math.max(...waits))} ms`);
    for (const ended of await Promise.all(crowd)) assertTimedOut(ended, 'one of the crowd');
  });
});
