// limit: 240 s
// load: half
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { newId } from '@stoa/platform/ids';
import { coerceTexts, validatorOf } from '@stoa/platform/schema';
import { ApiDocument } from '../contract/document.ts';
import { until } from '../shop.ts';
import { badSegments, badTexts, badValues, jsonWith, placesIn } from './bad-values.ts';
import { type Census, changesBetween, takeCensus } from './census.ts';
import { addressOf, type GoodRequest, goodRequest } from './good-request.ts';
import { openWatchedShop, type WatchedShop } from './open-shop.ts';
import { type NamedOperation, publicOperations } from './operations.ts';
import { codeOf, type Sending, type Sent, Wire } from './send.ts';
import { ask, get, type Person, register, settleTown, signIn, type Town } from './town.ts';

let shop: WatchedShop;
let wire: Wire;
let town: Town;
let document: ApiDocument;
let changed: Person;
let leaving: Person;

before(async () => {
  shop = await openWatchedShop();
  wire = new Wire(shop.port);
  town = await settleTown(shop, wire);
  document = await ApiDocument.read(wire);
  [changed, leaving] = (await Promise.all([register(wire), register(wire)])) as [Person, Person];
  await atRest();
});
after(async () => {
  wire?.close();
  await shop?.close();
});

const answerMsMax = 3_000;
const atOnce = 8;

interface Trial {
  readonly named: NamedOperation;
  readonly what: string;
  readonly sending: Sending;
  /** Whether whoever sends it is signed out by it. */
  readonly signsOut?: boolean;
}

const withBody = publicOperations.filter(({ operation }) => operation.body !== undefined);

describe('bodies', () => {
  test('every field of every body refuses what it does not take, and nothing is stored', async () => {
    const trials = bodyTrials('refused');
    assert.ok(trials.length > 3_000, `${trials.length} trials`);
    const before = await census();
    assert.deepEqual(
      await tryAll(
        trials,
        ({ status, ...answer }) => (status === 400 || status === 413) && isProblem({ status, ...answer }),
      ),
      [],
    );
    await nothingStoredSince(before);
  });

  test('every field of every body lives with whatever it does take', async () => {
    const trials = bodyTrials('taken');
    assert.ok(trials.length > 300, `${trials.length} trials`);
    assert.deepEqual(await tryAll(trials, () => true), []);
  });

  test('what is no JSON object is refused by every operation, and nothing is stored', async () => {
    const before = await census();
    const trials = withBody.flatMap((named) => {
      const good = JSON.stringify(goodFor(named).body);
      const { body } = named.operation;
      const bodies: Record<string, string | Buffer> = {
        ...(!validatorOf(body as NonNullable<typeof body>).check({}) && { nothing: '' }),
        blanks: '  ',
        'half an object': '{"a":',
        'two values': `${good}{}`,
        'a list': '[]',
        'the object in a list': `[${good}]`,
        'a text': '"text"',
        'a number': '1',
        null: 'null',
        'a byte order mark': `\ufeff${good}`,
        'bytes that are no UTF-8': Buffer.concat([Buffer.from('{"'), Buffer.from([0xff, 0xfe]), Buffer.from('":1}')]),
        'UTF-16': Buffer.from(good, 'utf16le'),
        'depth 10,000': `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
        'depth 10,000 in lists': `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
        'an unknown field': `${good.slice(0, -1)},"notAField":1}`,
        __proto__: `${good.slice(0, -1)},"__proto__":{"role":"admin"}}`,
        '__proto__ in disguise': `${good.slice(0, -1)},"__pr\\u006fto__":{"role":"admin"}}`,
        'its first field twice': good.replace(/^\{("[^"]+"):/, '{$1:1,$1:'),
        'a comment': `${good}//`,
        NaN: good.replace(/:("[^"]*"|\d+|true)/, ':NaN'),
        '10 MB': Buffer.alloc(10_000_000, 0x20),
      };
      return Object.entries(bodies).map(([what, body]) => trial(named, what, goodFor(named), body));
    });
    assert.deepEqual(await tryAll(trials, (answer) => [400, 413].includes(answer.status) && isProblem(answer)), []);
    assert.equal(({} as { role?: string }).role, undefined);
    await nothingStoredSince(before);
  });

  test('every content type but JSON is refused by every operation, and nothing is stored', async () => {
    const before = await census();
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(100_000_000, 0x20));
    const trials = withBody.flatMap((named) => {
      const good = goodFor(named);
      const types: Record<string, Sending['headers']> = {
        text: { 'content-type': 'text/plain' },
        'a form': { 'content-type': 'application/x-www-form-urlencoded' },
        'a form of parts': { 'content-type': 'multipart/form-data; boundary=x' },
        'Latin 1': { 'content-type': 'application/json; charset=latin1' },
        'two in one': { 'content-type': 'application/json, text/plain' },
        two: { 'content-type': ['application/json', 'application/json'] },
        empty: { 'content-type': '' },
        nonsense: { 'content-type': ';;;' },
        packed: { 'content-encoding': 'gzip' },
      };
      const typed = Object.entries(types).map(([what, headers]) =>
        trial(named, what, good, JSON.stringify(good.body), headers),
      );
      const { 'content-type': _none, ...untyped } = trial(named, '', good).sending.headers as Record<string, string>;
      return [
        ...typed,
        trial(named, 'a bomb', good, bomb, { 'content-encoding': 'gzip' }),
        { named, what: 'none', sending: { ...trial(named, '', good).sending, headers: untyped } },
      ];
    });
    assert.deepEqual(await tryAll(trials, (answer) => [400, 415].includes(answer.status) && isProblem(answer)), []);
    await nothingStoredSince(before);
  });

  test('operations without a body take none', async () => {
    const trials = publicOperations
      .filter(
        ({ operation }) =>
          operation.body === undefined && operation.rawBody === undefined && operation.method !== 'GET',
      )
      .map((named) => trial(named, 'a body', goodFor(named), '{"notAField":1}'));
    assert.deepEqual(
      await tryAll(trials, ({ status, ...answer }) => status === 400 && isProblem({ status, ...answer })),
      [],
    );
  });
});

describe('queries', () => {
  test('every parameter of every query answers quickly and as declared, whatever it is', async () => {
    const trials: Trial[] = [];
    const wrong = new Set<Trial>();
    for (const named of publicOperations.filter(({ operation }) => operation.method === 'GET')) {
      const { operation } = named;
      const good = goodFor(named);
      const parameters = Object.keys((operation.query as { properties?: object }).properties ?? {});
      const base = addressOf(operation.path, good);
      const join = base.includes('?') ? '&' : '?';
      for (const name of [...parameters, 'notAParameter', '__proto__']) {
        for (const bad of badTexts) {
          const one = {
            named,
            what: `?${name}=${bad.slice(0, 60)}`,
            sending: { ...trial(named, '', good).sending, path: `${base}${join}${name}=${bad}` },
          };
          trials.push(one);
          if (!fits(named, name, bad)) wrong.add(one);
        }
        const twice = {
          named,
          what: `?${name} twice`,
          sending: { ...trial(named, '', good).sending, path: `${base}${join}${name}=1&${name}=2` },
        };
        trials.push(twice);
        wrong.add(twice);
      }
    }
    assert.ok(trials.length > 3_000, `${trials.length} trials`);
    const mayBeGood = (answer: Sent, one: Trial) =>
      wrong.has(one) ? answer.status === 400 && isProblem(answer) : answer.status < 500;
    assert.deepEqual(await tryAll(trials, mayBeGood), []);
  });

  test('a period that ends before it begins is refused', async () => {
    const trials = publicOperations.flatMap((named) => {
      const { from, to } = ((named.operation.query as { properties?: Record<string, unknown> }).properties ??
        {}) as Record<string, unknown>;
      if (!from || !to) return [];
      const good = goodFor(named);
      const query = { ...good.query, from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' };
      return [trial(named, 'from after to', { ...good, query })];
    });
    assert.ok(trials.length >= 5, `${trials.length} trials`);
    assert.deepEqual(await tryAll(trials, (answer) => answer.status === 400 && isProblem(answer)), []);
  });
});

describe('paths', () => {
  test('every id that is malformed, or that nobody has, is refused by every operation, and nothing is stored', async () => {
    const before = await census();
    const trials = publicOperations
      .filter(({ operation }) => operation.path.includes(':'))
      .flatMap((named) => {
        const good = goodFor(named);
        return badSegments
          .filter((segment) => !isGoodSku(named, segment))
          .map((segment) => {
            const path = addressOf(
              named.operation.path.replace(/:[A-Za-z]+/, () => segment),
              good,
            );
            return { named, what: `/${segment.slice(0, 60)}`, sending: { ...trial(named, '', good).sending, path } };
          });
      });
    // Behind `..` lies another address, so what is answered there is not this operation's to say.
    const answers = (answer: Sent) => [400, 401, 404, 405, 414, 415, 431].includes(answer.status) && isProblem(answer);
    assert.deepEqual(await tryAll(trials, answers, { asDescribed: false }), []);
    // That there is no such order is an answer to the request with this key, and kept as such.
    await nothingStoredSince(before, /^order\.kit\.idempotency:/);
  });

  test('what was deleted is not there', async () => {
    const asAdmin = (method: string, path: string, body?: unknown) =>
      ask(wire, method, path, { token: town.adminToken, body });
    const category = await get<{ id: string }>(wire, 'POST', '/api/v1/categories', {
      token: town.adminToken,
      body: { title: 'Gone' },
    });
    const key = await get<{ id: string }>(wire, 'POST', '/api/v1/api-keys', {
      token: town.adminToken,
      body: { name: 'gone', role: 'customer' },
    });
    const session = await signIn(wire, town.customerB.email);
    await asAdmin('DELETE', `/api/v1/categories/${category.id}`);
    await asAdmin('DELETE', `/api/v1/api-keys/${key.id}`);
    const asB = { token: town.customerB.accessToken };
    await ask(wire, 'DELETE', `/api/v1/users/me/sessions/${session.sessionId}`, asB);
    assert.equal(
      codeOf(await asAdmin('PATCH', `/api/v1/categories/${category.id}`, { title: 'Back' })),
      'category.not-found',
    );
    assert.equal(codeOf(await asAdmin('DELETE', `/api/v1/categories/${category.id}`)), 'category.not-found');
    assert.equal(codeOf(await asAdmin('DELETE', `/api/v1/api-keys/${key.id}`)), 'api-key.not-found');
    assert.equal(
      codeOf(await ask(wire, 'DELETE', `/api/v1/users/me/sessions/${session.sessionId}`, asB)),
      'session.not-found',
    );
  });
});

describe('headers', () => {
  const keys = ['', ' ', 'a, b', 'ä', 'a'.repeat(256), '\t', '"'.repeat(300)];

  test('an Idempotency-Key that is none is refused, and nothing is stored', async () => {
    const before = await census();
    const trials = publicOperations
      .filter(({ operation }) => operation.idempotency !== undefined)
      .flatMap((named) =>
        keys.map((key) =>
          trial(named, `key ${JSON.stringify(key)}`, goodFor(named), undefined, { 'idempotency-key': key }),
        ),
      );
    assert.ok(trials.length >= 5 * keys.length);
    assert.deepEqual(await tryAll(trials, (answer) => answer.status === 400 && isProblem(answer)), []);
    await nothingStoredSince(before);
  });

  test('headers that cannot be read are passed over or refused by every operation that reads', async () => {
    const headers: Record<string, string>[] = [
      { prefer: 'wait=-1' },
      { prefer: 'wait=1e9, wait=x; respond-async' },
      { traceparent: '00-xyz' },
      { traceparent: '00-00000000000000000000000000000000-0000000000000000-01' },
      { 'x-correlation-id': 'a'.repeat(5_000) },
      { 'x-correlation-id': '<script>' },
      { 'x-request-id': "'; drop table orders" },
      { 'if-none-match': 'garbage' },
      { 'if-none-match': '"'.repeat(5_000) },
      { 'last-event-id': '-1' },
      { 'last-event-id': '1e309' },
      { 'x-order-token': 'a'.repeat(5_000) },
      { 'x-cart-token': '\u00ff' },
      { accept: 'text/html;q=2, */*;q=-1' },
      { 'accept-encoding': 'bomb' },
      { range: 'bytes=0-18446744073709551615' },
      { 'x-forwarded-for': '::1, not an address' },
      { expect: 'the unexpected' },
      { upgrade: 'websocket', connection: 'upgrade' },
    ];
    const trials = publicOperations
      .filter(({ operation, name }) => operation.method === 'GET' && name !== 'gateway.checkInvariants')
      .flatMap((named) =>
        headers.map((more) => trial(named, JSON.stringify(more).slice(0, 80), goodFor(named), undefined, more)),
      );
    assert.deepEqual(await tryAll(trials, ({ status }) => status < 500, { asDescribed: false }), []);
  });
});

describe('streams of bytes', () => {
  test('an import answers for every file, and says of every bad line what is wrong with it', async () => {
    const files: Record<string, [string, string | Buffer]> = {
      nothing: ['text/csv', ''],
      'no columns of ours': ['text/csv', 'a,b\n1,2\n'],
      'an open quote': ['text/csv', 'sku,title,price\n"A,b,1\n'],
      'more fields than columns': ['text/csv', 'sku,title,price\nA,b,1,2,3\n'],
      NUL: ['text/csv', 'sku,title,price\nA\0,b,1\n'],
      'no UTF-8': ['text/csv', Buffer.from([0x73, 0x6b, 0x75, 0x0a, 0xff, 0xfe, 0x0a])],
      'prices that are none': [
        'text/csv',
        'sku,title,price\nA,b,-1\nB,b,1e309\nC,b,0.001\nD,b,NaN\nE,b,99999999999999999999\n',
      ],
      'a line of a megabyte': ['text/csv', `sku,title,price\n${'a'.repeat(1_000_000)},b,1\n`],
      'a formula': ['text/csv', "sku,title,price\n=cmd|' /C calc'!A0,b,1\n"],
      'lines that are no JSON': ['application/x-ndjson', '{\n[]\nnull\n"a"\n{"variants":[]}\n'],
      'a line with __proto__': ['application/x-ndjson', '{"__proto__":{"role":"admin"},"variants":[{"sku":"A"}]}\n'],
      'a line of depth 10,000': ['application/x-ndjson', `${'['.repeat(10_000)}${']'.repeat(10_000)}\n`],
      'a line of a megabyte of JSON': ['application/x-ndjson', `{"title":"${'a'.repeat(1_000_000)}"}\n`],
    };
    const before = await get<{ items: unknown[] }>(wire, 'GET', '/api/v1/products?limit=100&status=draft', {
      token: town.adminToken,
    });
    for (const [what, [type, body]] of Object.entries(files)) {
      const headers = { 'content-type': type, authorization: `Bearer ${town.adminToken}` };
      const answer = await wire.send({ method: 'POST', path: '/api/v1/products/import', headers, body });
      assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
      if (answer.status >= 300) assert.ok(isProblem(answer), what);
      else assert.match(answer.text, /"type":"(summary|failed)"/, what);
      assert.doesNotMatch(answer.text, leak, what);
    }
    const after = await get<{ items: unknown[] }>(wire, 'GET', '/api/v1/products?limit=100&status=draft', {
      token: town.adminToken,
    });
    assert.deepEqual(after, before);
  });

  test('a webhook without a good signature is refused, whatever it says', async () => {
    for (const signature of [
      '',
      't=1,v1=00',
      'nonsense',
      `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}`,
      't=1e309,v1=',
      `t=${'1'.repeat(5_000)}`,
    ]) {
      for (const body of ['', '{}', 'null', '{', 'a'.repeat(60_000), `${'['.repeat(10_000)}`]) {
        const headers = { 'content-type': 'application/json', 'webhook-signature': signature };
        const answer = await wire.send({ method: 'POST', path: '/api/v1/webhooks/payments/sandbox', headers, body });
        assert.deepEqual([answer.status, codeOf(answer)], [401, 'auth.invalid'], `${signature} ${body.slice(0, 20)}`);
      }
    }
  });
});

test('the shop has lost nothing by all this: it answers, it rests, memory is flat, and what it promises holds', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapMb = () => {
    collect();
    return process.memoryUsage().heapUsed / 1_000_000;
  };
  const trials = bodyTrials('refused').slice(0, 1_000);
  await tryAll(trials, () => true);
  const before = heapMb();
  await tryAll(trials, () => true);
  const grownMb = heapMb() - before;
  assert.ok(grownMb < 10, `grew by ${grownMb.toFixed(1)} MB over 1,000 refusals`);
  await atRest();
  const held = await get<{ held: boolean; checks: { name: string; held: boolean }[] }>(
    wire,
    'GET',
    '/api/v1/ops/invariants',
    { token: town.adminToken },
  );
  assert.deepEqual(
    held.checks.filter((check) => !check.held),
    [],
  );
  const { total } = await backlog();
  assert.equal(total.dead, 0);
});

/** What is stored once all that was accepted is done. */
async function census(): Promise<Census> {
  await atRest();
  return takeCensus(shop);
}

async function nothingStoredSince(before: Census, except = /^$/): Promise<void> {
  const changes = changesBetween(before, await census());
  assert.deepEqual(
    changes.filter((change) => !except.test(change)),
    [],
  );
}

interface Backlog {
  readonly total: {
    readonly outbox: number;
    readonly inbox: number;
    readonly sagasLive: number;
    readonly effects: number;
    readonly dead: number;
  };
}

function backlog(): Promise<Backlog> {
  return get<Backlog>(wire, 'GET', '/api/v1/ops/backlog', { token: town.adminToken });
}

async function atRest(): Promise<void> {
  await until(backlog, ({ total }) => total.outbox + total.inbox + total.sagasLive + total.effects === 0);
}

/** Every place of every body with every bad value in it: those that the contract refuses, or those that it takes. */
function bodyTrials(which: 'refused' | 'taken'): Trial[] {
  return withBody.flatMap((named) => {
    const { body } = named.operation;
    const validator = validatorOf(body as NonNullable<typeof body>);
    const trials: Trial[] = [];
    for (const place of placesIn(goodFor(named).body)) {
      for (const value of [...badValues, { name: 'nothing', json: undefined, neverGood: undefined }]) {
        const good = goodFor(named);
        const json = jsonWith(good.body, place, value.json) ?? '';
        // A body that is left out is an empty one.
        const taken = value.neverGood !== true && json.length < 900_000 && validator.check(JSON.parse(json || '{}'));
        if (taken !== (which === 'taken')) continue;
        const signsOut = taken && named.name === 'user.logOut';
        trials.push({ ...trial(named, `/${place.join('/')}: ${value.name}`, good, json), signsOut });
      }
    }
    return trials;
  });
}

/** A good request, made by somebody who may, about somebody who may be changed. */
function goodFor(named: NamedOperation): GoodRequest {
  return goodRequest(named, named.name === 'user.changeUser' ? { ...town, customerA: changed } : town);
}

function trial(
  named: NamedOperation,
  what: string,
  good: GoodRequest,
  body?: string | Buffer,
  headers: Sending['headers'] = {},
): Trial {
  const { operation } = named;
  const { access } = operation;
  const token = access.who === 'caller' ? town.customerA.accessToken : town.adminToken;
  const isOpen = access.who === 'anyone' || access.who === 'signed';
  // Not even an admin looks into a cart.
  const isOwners = operation.path.startsWith('/api/v1/carts/');
  const sent = body ?? (operation.body === undefined ? undefined : JSON.stringify(good.body));
  return {
    named,
    what,
    sending: {
      method: operation.method,
      path: addressOf(operation.path, good),
      headers: {
        ...(!isOpen && { authorization: `Bearer ${isOwners ? town.customerA.accessToken : token}` }),
        ...(sent !== undefined && { 'content-type': 'application/json' }),
        'idempotency-key': newId(),
        ...headers,
      },
      ...(sent !== undefined && { body: sent }),
    },
  };
}

/** Stock may be received of whatever reads like a SKU. */
function isGoodSku({ operation }: NamedOperation, segment: string): boolean {
  if (!operation.path.startsWith('/api/v1/inventory/') || segment.includes('%')) return false;
  return validatorOf(operation.params).check({ sku: segment });
}

/** Whether the contract takes that text for the parameter. */
function fits(named: NamedOperation, name: string, escaped: string): boolean {
  const { operation } = named;
  let text: string;
  try {
    text = decodeURIComponent(escaped);
  } catch {
    return false;
  }
  if (text.includes('\0')) return false;
  const good = goodFor(named).query;
  const asked = Object.fromEntries([...Object.entries(good).map(([key, value]) => [key, String(value)]), [name, text]]);
  // A required parameter stands there already, so this one is its second.
  if (name === '__proto__' || name in good) return false;
  return validatorOf(operation.query).check(coerceTexts(operation.query, asked));
}

const leak =
  /\bat .+\.ts:\d|node:internal|node_modules|\bselect .+ from\b|syntax error|postgres(ql)?:\/\/|duplicate key value|signing_key/i;

function isProblem(answer: Sent): boolean {
  if (answer.headers['content-type'] !== 'application/problem+json') return false;
  const problem = JSON.parse(answer.text) as { code: unknown; status: unknown; title: unknown; traceId: unknown };
  return problem.status === answer.status && typeof problem.code === 'string' && typeof problem.title === 'string';
}

/** Sends every trial; returns what went wrong: a 5xx, an answer too late, too talkative, not as described, or not the one expected. */
async function tryAll(
  trials: readonly Trial[],
  isExpected: (answer: Sent, one: Trial) => boolean,
  { asDescribed = true }: { asDescribed?: boolean } = {},
): Promise<string[]> {
  const wrong: string[] = [];
  const waiting = [...trials.entries()].reverse();
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [, one] = next;
      const answer = await answerTo(one);
      const { method, path } = one.named.operation;
      const difference = asDescribed ? document.differenceOf(method, path, answer) : undefined;
      const complaint =
        (answer.status >= 500 && answer.status !== 503 && 'a failure') ||
        (answer.ms > answerMsMax && `after ${Math.round(answer.ms)} ms`) ||
        (leak.test(answer.text) && 'a leak') ||
        (answer.text.includes(shop.admin.password) && 'a secret') ||
        difference ||
        (!isExpected(answer, one) && 'unexpected');
      if (complaint)
        wrong.push(`${one.named.name} ${one.what}: ${complaint}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return wrong;
}

/** The answer; one that comes late is asked for again, because the machine may have been busy with something else. */
async function answerTo(one: Trial): Promise<Sent> {
  const sending = one.signsOut ? await asLeaving(one.sending) : one.sending;
  const answer = await wire.send(sending);
  return answer.ms <= answerMsMax ? answer : wire.send(sending);
}

/** Who signs out is signed out, so somebody does it who has nothing else to do. */
async function asLeaving(sending: Sending): Promise<Sending> {
  const me = await ask(wire, 'GET', '/api/v1/users/me', { token: leaving.accessToken });
  if (me.status === 401) leaving = await signIn(wire, leaving.email);
  return { ...sending, headers: { ...sending.headers, authorization: `Bearer ${leaving.accessToken}` } };
}
