import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sampleService, sampleShop } from '../testing/index.ts';
import { type HostedHttp, hostHttp } from './host-http.ts';

let hosted: HostedHttp;
let url = '';
before(async () => {
  hosted = await hostHttp(sampleShop(), sampleService, { log: sampleService.log, checkAnswers: true });
  ({ url } = await hosted.listen({ host: '127.0.0.1', port: 0 }));
});
after(() => hosted.close(Date.now() + 2_000));

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly paths: string[];
}

/** Sends bytes as they are and reads the problem that must come back. */
async function post(body: string | Buffer, headers: Record<string, string> = {}): Promise<Refused> {
  const text = await send(
    'POST',
    '/api/v1/tea-orders',
    { 'content-type': 'application/json', 'idempotency-key': 'k', ...headers },
    body,
  );
  return refused(text);
}

async function get(path: string): Promise<Refused> {
  return refused(await send('GET', path, {}, ''));
}

function refused(text: string): Refused {
  const status = Number(text.slice(9, 12));
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  match(text, /\r\ncontent-type: application\/problem\+json\r\n/i);
  const problem = JSON.parse(body) as { code: string; status: number; errors?: { path: string }[] };
  equal(problem.status, status);
  equal(/at .+\.ts|node:|stack/.test(body), false, body);
  return { status, code: problem.code, paths: (problem.errors ?? []).map((error) => error.path) };
}

/** Over a bare socket: fetch would refuse or mend half of these. */
function send(method: string, path: string, headers: Record<string, string>, body: string | Buffer): Promise<string> {
  const bytes = Buffer.from(body);
  const length = bytes.length > 0 || method === 'POST' ? `content-length: ${bytes.length}\r\n` : '';
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return sendBytes(
    Buffer.concat([
      Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${length}${lines.join('')}\r\n`),
      bytes,
    ]),
  );
}

function sendBytes(bytes: Buffer | string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    // The server may close while a large body is still coming; what it said before counts.
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
    socket.setTimeout(5_000, () => reject(new Error('no answer')));
    socket.end(bytes);
  });
}

const order = (quantity: string, sku = '"A"', more = '') => `{"items":[{"sku":${sku},"quantity":${quantity}}]${more}}`;

describe('numbers that are no quantity', () => {
  for (const number of [
    '-1',
    '0',
    '0.1',
    '1e309',
    '"1"',
    '9007199254740992',
    '1000000000',
    'null',
    'true',
    '[1]',
    '{}',
    '-0',
  ]) {
    test(number, async () => {
      const { status, code, paths } = await post(order(number));
      deepEqual([status, code, ...new Set(paths)], [400, 'request.invalid', '/items/0/quantity']);
    });
  }
  for (const number of ['NaN', '01', '.5', '+1', '0x1', '1n', 'Infinity']) {
    test(`${number}, which is no JSON`, async () => equal((await post(order(number))).code, 'request.invalid'));
  }
});

describe('texts', () => {
  const refusedTexts: [string, string][] = [
    ['empty', '""'],
    ['blank', '"   "'],
    ['a line break', '"a\\r\\nb"'],
    ['an escaped NUL', '"a\\u0000b"'],
    ['half a surrogate pair', '"\\ud83d"'],
    ['the other half', '"\\uDE00x"'],
    ['a megabyte', `"${'a'.repeat(60_000)}"`],
    ['a number', '7'],
    ['a list', '["A"]'],
  ];
  for (const [name, text] of refusedTexts) {
    test(`${name} is refused`, async () => deepEqual((await post(order('1', text))).status, 400));
  }

  const keptTexts = [
    '\u202eevil',
    "'; drop table orders; --",
    '<b>bold</b>',
    '=cmd|calc',
    '__proto__',
    '😀',
    '%00',
    '../../etc',
  ];
  for (const text of keptTexts) {
    test(`${JSON.stringify(text)} is only a text`, async () => {
      const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
      const answer = await send('POST', '/api/v1/tea-orders', headers, order('1', JSON.stringify(text)));
      match(answer, /^HTTP\/1.1 202 /);
      ok(answer.includes(JSON.stringify(text)));
    });
  }
});

describe('bodies', () => {
  const bodies: [string, string | Buffer, number][] = [
    ['nothing', '', 400],
    ['blanks', '  ', 400],
    ['half an object', '{"items":', 400],
    ['two values', '{}{}', 400],
    ['a list for an object', `[${order('1')}]`, 400],
    ['a text for an object', '"items"', 400],
    ['null', 'null', 400],
    ['a byte order mark', `\ufeff${order('1')}`, 400],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
    ['a field twice', order('1', '"A"', ',"items":[]'), 400],
    ['a field twice, spelled differently', order('1', '"A"', ',"n\\u006fte":"x","note":"y"'), 400],
    ['an unknown field', order('1', '"A"', ',"price":1'), 400],
    ['__proto__', order('1', '"A"', ',"__proto__":{"admin":true}'), 400],
    ['__proto__, spelled differently', order('1', '"A"', ',"__pr\\u006fto__":{}'), 400],
    ['constructor', order('1', '"A"', ',"constructor":{"prototype":{}}'), 400],
    ['depth 10,000', `{"items":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 400],
    ['depth 33 in lists', '['.repeat(33) + ']'.repeat(33), 400],
    ['one byte more than it takes', order('1', `"${'a'.repeat(65_536)}"`), 413],
    ['10 MB', Buffer.alloc(10_000_000, 0x20), 413],
  ];
  for (const [name, body, status] of bodies) {
    test(`${name} is ${status}`, async () => equal((await post(body)).status, status));
  }

  test('every violation is named at once, each with a pointer', async () => {
    const { paths } = await post('{"items":[{"sku":"","quantity":0},{"quantity":1}],"note":5,"x":1}');
    deepEqual(new Set(paths), new Set(['/items/0/sku', '/items/0/quantity', '/items/1/sku', '/note', '/x']));
  });

  test('nothing is left of a refused __proto__', async () => {
    await post(order('1', '"A"', ',"__proto__":{"admin":true}'));
    equal(({} as { admin?: boolean }).admin, undefined);
  });
});

describe('content types', () => {
  const types: [string, Record<string, string>][] = [
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['JSON in Latin 1', { 'content-type': 'application/json; charset=latin1' }],
    ['JSON lines', { 'content-type': 'application/json-seq' }],
    ['two in one', { 'content-type': 'application/json, text/plain' }],
    ['no content type', { 'content-type': '' }],
    ['nonsense', { 'content-type': ';;;' }],
  ];
  for (const [name, headers] of types) {
    test(`${name} is 415`, async () => {
      const { status, code } = await post(order('1'), headers);
      deepEqual([status, code], [415, 'request.unsupported-media-type']);
    });
  }

  test('two content types are 415', async () => {
    const two = 'content-type: application/json\r\ncontent-type: application/json';
    const text = await sendBytes(
      `POST /api/v1/tea-orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\nidempotency-key: k\r\n${two}\r\ncontent-length: 2\r\n\r\n{}`,
    );
    equal(refused(text).status, 415);
  });

  test('no content type at all is 415', async () => {
    const text = await sendBytes(
      'POST /api/v1/tea-orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}',
    );
    equal(refused(text).status, 415);
  });

  test('a packed body is 415, so a small one cannot become a large one', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20));
    equal((await post(bomb, { 'content-encoding': 'gzip' })).status, 415);
  });

  test('JSON with its charset is taken', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON']) {
      const text = await send(
        'POST',
        '/api/v1/tea-orders',
        { 'content-type': type, 'idempotency-key': 'k' },
        order('1'),
      );
      match(text, /^HTTP\/1.1 202 /);
    }
  });
});

describe('queries', () => {
  const queries: [string, string][] = [
    ['limit=-1', '/query/limit'],
    ['limit=0', '/query/limit'],
    ['limit=101', '/query/limit'],
    ['limit=1000000000', '/query/limit'],
    ['limit=1.5', '/query/limit'],
    ['limit=1e1', '/query/limit'],
    ['limit=%201', '/query/limit'],
    ['limit=', '/query/limit'],
    ['limit=1&limit=2', '/query/limit'],
    ['limit[]=1', '/query/limit[]'],
    ['organic=yes', '/query/organic'],
    ['other=1', '/query/other'],
    ['__proto__=1', '/query/__proto__'],
    ['cursor=', '/query/cursor'],
    ['cursor=%00', '/query/cursor'],
    ['cursor=%ff', '/query/cursor'],
    ['cursor=%', '/query/cursor'],
    ['cursor=forged', '/query/cursor'],
    ['cursor=Ii0xIg', '/query/cursor'],
    [`cursor=${'a'.repeat(513)}`, '/query/cursor'],
  ];
  for (const [query, path] of queries) {
    test(`?${query.slice(0, 40)} is refused at ${path}`, async () => {
      deepEqual(await get(`/api/v1/teas?${query}`), { status: 400, code: 'request.invalid', paths: [path] });
    });
  }

  test('lists may repeat', async () => match(await send('GET', '/api/v1/teas?tag=a&tag=b', {}, ''), /^HTTP\/1.1 200 /));

  test('pages follow each other to the end', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? 'limit=20' : `limit=20&cursor=${cursor}`;
      const text = await send('GET', `/api/v1/teas?${query}`, {}, '');
      const list = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as {
        items: { id: string }[];
        nextCursor: string | null;
      };
      seen.push(...list.items.map((tea) => tea.id));
      cursor = list.nextCursor;
    }
    deepEqual(
      seen,
      Array.from({ length: 50 }, (_, at) => String(at)),
    );
  });
});

describe('addresses', () => {
  const paths: [string, number][] = [
    ['/api/v1/teas/%00', 400],
    ['/api/v1/teas/%ff', 400],
    ['/api/v1/teas/%', 400],
    [`/api/v1/teas/${'a'.repeat(201)}`, 400],
    [`/api/v1/teas/${'a'.repeat(1_500)}`, 400],
    ['/api/v1/teas/', 404],
    ['/api/v1/teas/a/b', 404],
    ['/api/v1/teas/..%2f..%2fetc', 404],
    ['/api/v1/tea-orders/not-an-id', 401],
    ['//', 404],
  ];
  for (const [path, status] of paths) {
    test(`${path.slice(0, 40)} is ${status}`, async () => equal((await get(path)).status, status));
  }
});

describe('requests that are none', () => {
  const bytes: [string, string, number][] = [
    ['a line that is no request', 'hello\r\n\r\n', 400],
    ['a content length that is no number', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
    ['headers of 100 kB', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, 431],
  ];
  for (const [name, text, status] of bytes) {
    test(`${name} is ${status}`, async () => equal(refused(await sendBytes(text)).status, status));
  }
});
