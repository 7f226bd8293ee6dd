import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import { newId } from '@stoa/platform/ids';
import { openWatchedShop, type WatchedShop } from '../security/open-shop.ts';
import { codeOf, type Sent, Wire } from '../security/send.ts';
import { address, ask, get, type Person, password, register, settleTown, type Town } from '../security/town.ts';
import { until } from '../shop.ts';
import { ApiDocument } from './document.ts';

let shop: WatchedShop;
let wire: Wire;
let town: Town;
let document: ApiDocument;

before(async () => {
  shop = await openWatchedShop();
  wire = new Wire(shop.port);
  town = await settleTown(shop, wire);
  document = await ApiDocument.read(wire);
});
after(async () => {
  wire?.close();
  await shop?.close();
});

type Asking = NonNullable<Parameters<typeof ask>[3]>;
type Body = Record<string, unknown>;

/** Asks `METHOD /path/:id` with values for its parameters; the answer has to be as the document describes it. */
async function call(
  address: string,
  values: Record<string, string> = {},
  asking: Asking = {},
  query = '',
): Promise<Sent> {
  const [method, path] = address.split(' ') as [string, string];
  const filled = path.replace(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(values[name] as string));
  const answer = await ask(wire, method, filled + query, asking);
  assert.equal(document.differenceOf(method, path, answer), undefined, address);
  return answer;
}

const bodyOf = <B = Body>({ text }: Sent) => JSON.parse(text) as B;
const admin = (asking: Asking = {}): Asking => ({ token: town.adminToken, ...asking });
const asA = (asking: Asking = {}): Asking => ({ token: town.customerA.accessToken, ...asking });
const said = (answer: Sent) => [answer.status, codeOf(answer)];

/** The rows of API.md that are served: who may call, and what the answer is when all is well. */
const rows: readonly [address: string, who: 'anyone' | 'caller' | 'owner' | 'staff' | 'signed'][] = [
  ['POST /api/v1/auth/register', 'anyone'],
  ['POST /api/v1/auth/login', 'anyone'],
  ['POST /api/v1/auth/refresh', 'anyone'],
  ['POST /api/v1/auth/logout', 'caller'],
  ['POST /api/v1/auth/password/forgot', 'anyone'],
  ['POST /api/v1/auth/password/reset', 'anyone'],
  ['GET /api/v1/users/me', 'caller'],
  ['PATCH /api/v1/users/me', 'caller'],
  ['DELETE /api/v1/users/me', 'caller'],
  ['POST /api/v1/privacy/erase', 'anyone'],
  ['GET /api/v1/users/me/export', 'caller'],
  ['GET /api/v1/users/me/sessions', 'caller'],
  ['DELETE /api/v1/users/me/sessions/:id', 'caller'],
  ['GET /api/v1/users', 'staff'],
  ['POST /api/v1/users', 'staff'],
  ['GET /api/v1/users/:id', 'owner'],
  ['PATCH /api/v1/users/:id', 'staff'],
  ['POST /api/v1/api-keys', 'staff'],
  ['GET /api/v1/api-keys', 'staff'],
  ['DELETE /api/v1/api-keys/:id', 'staff'],
  ['GET /.well-known/jwks.json', 'anyone'],
  ['GET /api/v1/products', 'anyone'],
  ['GET /api/v1/products/:id', 'anyone'],
  ['POST /api/v1/products', 'staff'],
  ['PATCH /api/v1/products/:id', 'staff'],
  ['DELETE /api/v1/products/:id', 'staff'],
  ['POST /api/v1/products/import', 'staff'],
  ['GET /api/v1/products/export', 'staff'],
  ['GET /api/v1/categories', 'anyone'],
  ['POST /api/v1/categories', 'staff'],
  ['PATCH /api/v1/categories/:id', 'staff'],
  ['DELETE /api/v1/categories/:id', 'staff'],
  ['GET /api/v1/inventory/:sku', 'anyone'],
  ['GET /api/v1/inventory', 'staff'],
  ['GET /api/v1/inventory/:sku/ledger', 'staff'],
  ['POST /api/v1/inventory/:sku/adjustments', 'staff'],
  ['GET /api/v1/shipping-methods', 'anyone'],
  ['POST /api/v1/orders', 'anyone'],
  ['GET /api/v1/orders', 'owner'],
  ['GET /api/v1/orders/:id', 'owner'],
  ['GET /api/v1/orders/:id/events', 'owner'],
  ['GET /api/v1/orders/:id/stream', 'owner'],
  ['POST /api/v1/orders/:id/cancel', 'owner'],
  ['POST /api/v1/orders/:id/refunds', 'staff'],
  ['POST /api/v1/orders/:id/shipments', 'staff'],
  ['POST /api/v1/shipments/:id/delivered', 'staff'],
  ['GET /api/v1/payments', 'staff'],
  ['GET /api/v1/payments/:id', 'staff'],
  ['POST /api/v1/webhooks/payments/:provider', 'signed'],
  ['GET /api/v1/notifications', 'caller'],
  ['PATCH /api/v1/notifications/preferences', 'caller'],
  ['GET /api/v1/analytics/summary', 'staff'],
  ['GET /api/v1/analytics/series', 'staff'],
  ['GET /api/v1/analytics/top-products', 'staff'],
  ['GET /api/v1/analytics/export', 'staff'],
  ['GET /api/v1/dashboard', 'caller'],
  ['GET /health/live', 'anyone'],
  ['GET /health/ready', 'anyone'],
  ['GET /ready', 'anyone'],
  ['GET /health', 'anyone'],
  ['GET /api/v1/ops/services', 'staff'],
  ['GET /api/v1/ops/sagas', 'staff'],
  ['GET /api/v1/ops/sagas/:id', 'staff'],
  ['POST /api/v1/ops/sagas/:id/retry', 'staff'],
  ['POST /api/v1/ops/sagas/:id/skip', 'staff'],
  ['POST /api/v1/ops/sagas/:id/compensate', 'staff'],
  ['GET /api/v1/ops/dead-letters', 'staff'],
  ['POST /api/v1/ops/dead-letters/redrive', 'staff'],
  ['GET /api/v1/ops/invariants', 'staff'],
];

describe('every row of the page', () => {
  test('is in the document, for whom the page says', () => {
    for (const [address, who] of rows) {
      const [method, path] = address.split(' ') as [string, string];
      const described = document.find(method, path) as unknown as { security: object[] } | undefined;
      assert.ok(described, `${address} is missing`);
      const isOpen = described.security.some((one) => Object.keys(one).length === 0);
      assert.equal(isOpen, who === 'anyone' || who === 'signed', address);
    }
  });

  test('and nothing is in the document that is not served', async () => {
    for (const { method, path } of document.operations) {
      const answer = await wire.send({ method, path: path.replace(/:[A-Za-z]+/g, newId()) });
      assert.ok(!['route.not-found', 'request.method-not-allowed'].includes(codeOf(answer) ?? ''), `${method} ${path}`);
    }
  });
});

describe('conventions', () => {
  test('every answer carries a request id, and the correlation id that was sent or a new one', async () => {
    for (const path of ['/api/v1/products', '/api/v1/users/me', '/nowhere', '/health/live']) {
      const named = await wire.send({ method: 'GET', path, headers: { 'x-correlation-id': 'my-own-1' } });
      assert.equal(named.headers['x-correlation-id'], 'my-own-1', path);
      const unnamed = await wire.send({ method: 'GET', path });
      assert.match(String(unnamed.headers['x-correlation-id']), /^[\x21-\x7e]{8,}$/, path);
      assert.ok(unnamed.headers['x-request-id'], path);
      assert.notEqual(named.headers['x-request-id'], unnamed.headers['x-request-id'], path);
    }
  });

  test('a problem is problem+json with its code, and the trace that was sent', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await call('GET /api/v1/orders/:id', { id: newId() }, admin({ headers: { traceparent } }));
    const { type, title, status, detail, code, traceId } = bodyOf(answer);
    assert.deepEqual(
      [answer.status, status, code, traceId],
      [404, 404, 'order.not-found', '0af7651916cd43dd8448eb211c80319c'],
    );
    for (const text of [type, title, detail]) assert.equal(typeof text, 'string');
    const page = await wire.send({ method: 'GET', path: String(type).split('#')[0] as string });
    assert.equal(page.status, 200, 'its type is a page');
    assert.match(page.text, /order\.not-found/);
  });

  test('unknown fields and parameters and wrong types are refused, each violation named', async () => {
    const body = { email: 5, password: 'long enough', surname: 'x' };
    const answer = await call('POST /api/v1/auth/register', {}, { body });
    assert.deepEqual(said(answer), [400, 'request.invalid']);
    const paths = bodyOf<{ errors: { path: string }[] }>(answer).errors.map(({ path }) => path);
    assert.deepEqual(new Set(paths), new Set(['/email', '/name', '/surname']));
    assert.deepEqual(said(await call('GET /api/v1/products', {}, {}, '?colour=red')), [400, 'request.invalid']);
  });

  test('lists have pages of 1 to 100 that follow each other, 20 unless asked for', async () => {
    for (const [address, asking] of [
      ['GET /api/v1/users', admin()],
      ['GET /api/v1/api-keys', admin()],
      ['GET /api/v1/products', {}],
      ['GET /api/v1/orders', admin()],
      ['GET /api/v1/payments', admin()],
      ['GET /api/v1/inventory', admin()],
      ['GET /api/v1/ops/sagas', admin()],
      ['GET /api/v1/users/me/sessions', asA()],
      ['GET /api/v1/notifications', asA()],
    ] as const) {
      const all = bodyOf<{ items: Body[]; nextCursor: string | null }>(await call(address, {}, asking, '?limit=100'));
      const walked: Body[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query: string = cursor === '' ? '?limit=1' : `?limit=1&cursor=${cursor}`;
        const page = bodyOf<{ items: Body[]; nextCursor: string | null }>(await call(address, {}, asking, query));
        assert.ok(page.items.length <= 1, address);
        walked.push(...page.items);
        cursor = page.nextCursor;
      }
      const keyOf = (item: Body) => item['id'] ?? item['sku'];
      assert.deepEqual(walked.map(keyOf), all.items.map(keyOf), address);
      for (const limit of ['0', '101', '-1', 'x']) {
        assert.deepEqual(
          said(await call(address, {}, asking, `?limit=${limit}`)),
          [400, 'request.invalid'],
          `${address} ${limit}`,
        );
      }
    }
  });

  test('a list is stable while rows are added', async () => {
    const first = bodyOf<{ items: { id: string }[]; nextCursor: string }>(
      await call('GET /api/v1/users', {}, admin(), '?limit=2'),
    );
    const before = bodyOf<{ items: { id: string }[] }>(
      await call('GET /api/v1/users', {}, admin(), `?limit=3&cursor=${first.nextCursor}`),
    );
    await register(wire);
    const after = bodyOf<{ items: { id: string }[] }>(
      await call('GET /api/v1/users', {}, admin(), `?limit=3&cursor=${first.nextCursor}`),
    );
    assert.deepEqual(after.items, before.items);
  });

  test('single resources carry an ETag: 304 when it is known, 412 when it is stale', async () => {
    const key = { id: town.productId, sku: town.sku };
    const readable: [string, Record<string, string>, Asking][] = [
      ['GET /api/v1/users/me', {}, asA()],
      ['GET /api/v1/users/:id', { id: town.customerA.id }, admin()],
      ['GET /api/v1/products/:id', key, {}],
      ['GET /api/v1/orders/:id', { id: town.orderOfA.order.id }, admin()],
      ['GET /api/v1/payments/:id', { id: town.paymentId }, admin()],
      ['GET /api/v1/inventory/:sku', key, admin()],
    ];
    for (const [address, values, asking] of readable) {
      const etag = (await call(address, values, asking)).headers.etag ?? '';
      assert.match(etag, /^(W\/)?"[^"]+"$/, address);
      const known = await call(address, values, { ...asking, headers: { 'if-none-match': etag } });
      assert.deepEqual([known.status, known.text], [304, ''], address);
      assert.equal(
        (await call(address, values, { ...asking, headers: { 'if-none-match': '"0"' } })).status,
        200,
        address,
      );
    }
    const { id } = await get<{ id: string }>(wire, 'POST', '/api/v1/categories', admin({ body: { title: 'Stale' } }));
    const changeable: [string, Record<string, string>, Asking][] = [
      ['PATCH /api/v1/users/me', {}, asA({ body: { name: 'New' } })],
      ['DELETE /api/v1/users/me', {}, asA()],
      ['PATCH /api/v1/users/:id', { id: town.customerA.id }, admin({ body: { active: true } })],
      ['PATCH /api/v1/products/:id', key, admin({ body: { title: 'New' } })],
      ['DELETE /api/v1/products/:id', key, admin()],
      ['PATCH /api/v1/categories/:id', { id }, admin({ body: { title: 'New' } })],
      ['DELETE /api/v1/categories/:id', { id }, admin()],
    ];
    for (const [address, values, asking] of changeable) {
      const stale = await call(address, values, { ...asking, headers: { 'if-match': '"999999"' } });
      assert.deepEqual(said(stale), [412, 'resource.stale'], address);
    }
    const fresh = (await call('GET /api/v1/users/me', {}, asA())).headers.etag ?? '';
    const changed = await call(
      'PATCH /api/v1/users/me',
      {},
      asA({ body: { name: 'Newer' }, headers: { 'if-match': fresh } }),
    );
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, fresh);
  });

  test('what is unknown, and what cannot be done there, is said so', async () => {
    assert.deepEqual(said(await ask(wire, 'GET', '/api/v1/nothing')), [404, 'route.not-found']);
    const other = await ask(wire, 'PUT', '/api/v1/products');
    assert.deepEqual(said(other), [405, 'request.method-not-allowed']);
    assert.match(String(other.headers.allow), /GET/);
  });
});

describe('idempotency', () => {
  const order = () => ({
    items: [{ sku: town.sku, quantity: 1 }],
    email: 'guest@customer.example',
    shippingAddress: address,
    paymentToken: 'tok_approved',
  });

  test('is asked for by orders, refunds, shipments and adjustments', async () => {
    const { id } = town.orderOfA.order;
    for (const [address, values, body] of [
      ['POST /api/v1/orders', {}, order()],
      ['POST /api/v1/orders/:id/refunds', { id }, { amount: { amount: 1, currency: 'EUR' }, reason: 'x' }],
      ['POST /api/v1/orders/:id/shipments', { id }, { carrier: 'Post' }],
      ['POST /api/v1/inventory/:sku/adjustments', { sku: town.sku }, { kind: 'received', quantity: 1, reason: 'x' }],
    ] as const) {
      const [method, path] = address.split(' ') as [string, string];
      const filled = path.replace(
        /:([A-Za-z]+)/,
        (_, name: string) => (values as Record<string, string>)[name] as string,
      );
      const headers = { authorization: `Bearer ${town.adminToken}`, 'content-type': 'application/json' };
      const answer = await wire.send({ method, path: filled, headers, body: JSON.stringify(body) });
      assert.deepEqual(said(answer), [400, 'idempotency.key-required'], address);
    }
  });

  test('the same key gives the first answer byte for byte; with another body 422; to another caller nothing of it', async () => {
    const headers = { 'idempotency-key': newId() };
    const body = order();
    const first = await call('POST /api/v1/orders', {}, { body, headers });
    const again = await call('POST /api/v1/orders', {}, { body, headers: { ...headers, prefer: 'wait=1' } });
    assert.deepEqual([first.status, first.headers['idempotency-replayed']], [202, undefined]);
    assert.deepEqual([again.status, again.text, again.headers['idempotency-replayed']], [202, first.text, 'true']);
    assert.equal(again.headers.location, first.headers.location);
    const other = await call('POST /api/v1/orders', {}, { body: { ...body, metadata: { a: 'b' } }, headers });
    assert.deepEqual(said(other), [422, 'idempotency.key-reused']);
    const { email: _mine, ...theirs } = body;
    const stranger = await call('POST /api/v1/orders', {}, asA({ body: theirs, headers }));
    assert.equal(stranger.status, 202);
    assert.notEqual(bodyOf(stranger)['id'], bodyOf(first)['id']);
  });

  test('is honoured where it is not asked for', async () => {
    for (const [address, body] of [
      [
        'POST /api/v1/products',
        { title: 'Once', variants: [{ sku: 'ONCE-1', price: { amount: 1, currency: 'EUR' } }] },
      ],
      ['POST /api/v1/categories', { title: 'Once' }],
      ['POST /api/v1/users', { email: `${newId()}@customer.example`, name: 'Once' }],
      ['POST /api/v1/carts', { currency: 'EUR', metadata: { a: 'b' } }],
    ] as const) {
      const headers = { 'idempotency-key': `a key ${newId()}` };
      const first = await call(address, {}, admin({ body, headers }));
      const again = await call(address, {}, admin({ body, headers }));
      assert.equal(again.headers.etag, first.headers.etag, address);
      assert.equal(again.headers.location, first.headers.location, address);
      assert.deepEqual(
        [again.status, again.text, again.headers['idempotency-replayed']],
        [201, first.text, 'true'],
        address,
      );
    }
  });

  test('of guests gives nobody the cart of another', async () => {
    const asking = { body: {}, headers: { 'idempotency-key': newId() } };
    const carts = [await call('POST /api/v1/carts', {}, asking), await call('POST /api/v1/carts', {}, asking)];
    const [one, other] = carts.map((answer) => bodyOf<{ id: string; token: string }>(answer));
    assert.notEqual(one?.id, other?.id);
    assert.notEqual(one?.token, other?.token);
  });
});

describe('identity', () => {
  test('register, log in, refresh, log out', async () => {
    const email = `${newId()}@customer.example`;
    const registered = await call('POST /api/v1/auth/register', {}, { body: { email, password, name: 'Ann' } });
    assert.equal(registered.status, 201);
    assert.equal(bodyOf(registered)['expiresIn'], 900);
    assert.deepEqual(said(await call('POST /api/v1/auth/register', {}, { body: { email, password, name: 'Ann' } })), [
      409,
      'user.email-taken',
    ]);
    for (const bad of ['short', 'a'.repeat(129), 'password']) {
      assert.deepEqual(
        said(
          await call('POST /api/v1/auth/register', {}, { body: { email: `x${email}`, password: bad, name: 'Ann' } }),
        ),
        [400, 'request.invalid'],
      );
    }
    for (const body of [
      { email, password: 'wrong password' },
      { email: `no${email}`, password },
    ]) {
      assert.deepEqual(said(await call('POST /api/v1/auth/login', {}, { body })), [401, 'auth.invalid-credentials']);
    }
    const signedIn = bodyOf<Person>(await call('POST /api/v1/auth/login', {}, { body: { email, password } }));
    const body = { refreshToken: signedIn.refreshToken };
    const next = bodyOf<Person>(await call('POST /api/v1/auth/refresh', {}, { body }));
    assert.notEqual(next.refreshToken, signedIn.refreshToken);
    const repeated = bodyOf<Person>(await call('POST /api/v1/auth/refresh', {}, { body }));
    assert.equal(repeated.refreshToken, next.refreshToken, 'the same successor within ten seconds');
    const out = await call(
      'POST /api/v1/auth/logout',
      {},
      { token: next.accessToken, body: { refreshToken: next.refreshToken } },
    );
    assert.deepEqual([out.status, out.text], [204, '']);
    assert.equal(
      (await call('POST /api/v1/auth/refresh', {}, { body: { refreshToken: next.refreshToken } })).status,
      401,
    );
  });

  test('a forgotten password is 202 for everybody; a bad token to set one is refused', async () => {
    for (const email of [town.customerB.email, `${newId()}@nobody.example`]) {
      const answer = await call('POST /api/v1/auth/password/forgot', {}, { body: { email } });
      assert.deepEqual([answer.status, answer.text], [202, '']);
    }
    const answer = await call('POST /api/v1/auth/password/reset', {}, { body: { token: 'nonsense', password } });
    assert.deepEqual(said(answer), [400, 'auth.reset-token-invalid']);
  });

  test('my account, my sessions, my export, and its end', async () => {
    const me = await register(wire);
    const mine: Asking = { token: me.accessToken };
    const account = bodyOf(await call('GET /api/v1/users/me', {}, mine));
    for (const field of ['id', 'email', 'name', 'role', 'addresses', 'metadata', 'createdAt'])
      assert.ok(field in account, field);
    const changed = await call(
      'PATCH /api/v1/users/me',
      {},
      { ...mine, body: { name: 'Bea', metadata: { vip: 'yes' } } },
    );
    assert.deepEqual(
      [changed.status, bodyOf(changed)['name'], bodyOf(changed)['metadata']],
      [200, 'Bea', { vip: 'yes' }],
    );
    const cart = bodyOf<{ id: string }>(
      await call('POST /api/v1/carts', {}, { ...mine, body: { metadata: { for: 'Ann' } } }),
    );
    const exported = await call('GET /api/v1/users/me/export', {}, mine);
    assert.equal(exported.status, 200);
    assert.deepEqual(
      bodyOf<{ carts: { id: string; metadata: object }[] }>(exported).carts.map(({ id, metadata }) => [id, metadata]),
      [[cart.id, { for: 'Ann' }]],
    );
    const sessions = bodyOf<{ items: { id: string; current: boolean }[] }>(
      await call('GET /api/v1/users/me/sessions', {}, mine),
    );
    assert.deepEqual(
      sessions.items.map(({ current }) => current),
      [true],
    );
    assert.equal((await call('DELETE /api/v1/users/me', {}, mine)).status, 204);
    await until(
      () => ask(wire, 'GET', '/api/v1/users/me', mine),
      ({ status }) => status === 401,
    );
  });

  test('staff look after users and keys', async () => {
    const email = `${newId()}@customer.example`;
    const made = await call('POST /api/v1/users', {}, admin({ body: { email, name: 'Cy', externalId: newId() } }));
    assert.equal(made.status, 201);
    const { id } = bodyOf<{ id: string }>(made);
    assert.equal((await call('GET /api/v1/users/:id', { id }, admin())).status, 200);
    const promoted = await call('PATCH /api/v1/users/:id', { id }, admin({ body: { role: 'support' } }));
    assert.deepEqual([promoted.status, bodyOf(promoted)['role']], [200, 'support']);
    const key = await call('POST /api/v1/api-keys', {}, admin({ body: { name: 'till', role: 'support' } }));
    assert.equal(key.status, 201);
    const secret = bodyOf<{ id: string; key: string }>(key);
    assert.equal((await call('GET /api/v1/users', {}, { token: secret.key })).status, 200);
    assert.ok(!(await call('GET /api/v1/api-keys', {}, admin(), '?limit=100')).text.includes(secret.key));
    assert.equal((await call('DELETE /api/v1/api-keys/:id', { id: secret.id }, admin())).status, 204);
    assert.deepEqual(Object.keys(bodyOf(await call('GET /.well-known/jwks.json'))), ['keys']);
  });
});

describe('catalogue', () => {
  test('a product is made, found, changed, hidden and archived', async () => {
    const body = {
      title: 'Teapot',
      status: 'draft',
      category: 'Pots',
      tags: ['clay'],
      variants: [{ sku: 'pot-1', price: { amount: 1_999, currency: 'EUR' } }],
    };
    const made = await call('POST /api/v1/products', {}, admin({ body }));
    assert.equal(made.status, 201);
    const product = bodyOf<{ id: string; slug: string; status: string; variants: { sku: string }[] }>(made);
    assert.equal(product.variants[0]?.sku, 'POT-1');
    const draft = await call('GET /api/v1/products/:id', { id: product.id });
    assert.deepEqual([product.status, ...said(draft)], ['draft', 404, 'product.not-found']);
    assert.deepEqual(said(await call('POST /api/v1/products', {}, admin({ body: { ...body, slug: 'teapot-2' } }))), [
      409,
      'product.sku-taken',
    ]);
    const taken = { ...body, slug: product.slug, variants: [{ ...body.variants[0], sku: 'pot-2' }] };
    assert.deepEqual(said(await call('POST /api/v1/products', {}, admin({ body: taken }))), [
      409,
      'product.slug-taken',
    ]);
    assert.equal(
      (await call('PATCH /api/v1/products/:id', { id: product.id }, admin({ body: { status: 'active' } }))).status,
      200,
    );
    await until(
      () => call('GET /api/v1/products/:id', { id: product.slug }),
      ({ status }) => status === 200,
    );
    for (const query of [
      'search=teapot',
      'category=pots',
      'tag=clay',
      'minPrice=1999&maxPrice=1999&currency=EUR',
      'sort=-price&facets=true',
      'sort=title',
    ]) {
      const found = bodyOf<{ items: { id: string }[] }>(await call('GET /api/v1/products', {}, {}, `?${query}`));
      assert.ok(
        found.items.some(({ id }) => id === product.id),
        query,
      );
    }
    assert.equal((await call('DELETE /api/v1/products/:id', { id: product.id }, admin())).status, 204);
    await until(
      () => call('GET /api/v1/products/:id', { id: product.id }),
      ({ status }) => status === 404,
    );
    assert.equal(bodyOf(await call('GET /api/v1/products/:id', { id: product.id }, admin()))['status'], 'archived');
  });

  test('what is exported can be imported, and a dry run changes nothing', async () => {
    const exported = await call('GET /api/v1/products/export', {}, admin());
    assert.match(String(exported.headers['content-type']), /^text\/csv/);
    const send = async (query: string) => {
      const headers = { authorization: `Bearer ${town.adminToken}`, 'content-type': 'text/csv' };
      const answer = await wire.send({
        method: 'POST',
        path: `/api/v1/products/import${query}`,
        headers,
        body: exported.text,
      });
      assert.equal(document.differenceOf('POST', '/api/v1/products/import', answer), undefined);
      return JSON.parse(answer.text.trim().split('\n').at(-1) ?? '') as Body;
    };
    for (const query of ['?dryRun=true', '']) {
      const { type, rejected, created, updated } = await send(query);
      assert.deepEqual({ type, rejected, created, updated }, { type: 'summary', rejected: 0, created: 0, updated: 0 });
    }
  });

  test('categories are a tree', async () => {
    const parent = bodyOf<{ id: string }>(
      await call('POST /api/v1/categories', {}, admin({ body: { title: 'Tree' } })),
    );
    const child = await call('POST /api/v1/categories', {}, admin({ body: { title: 'Leaf', parentId: parent.id } }));
    assert.equal(child.status, 201);
    assert.deepEqual(said(await call('DELETE /api/v1/categories/:id', { id: parent.id }, admin())), [
      409,
      'category.in-use',
    ]);
    const { id } = bodyOf<{ id: string }>(child);
    assert.equal((await call('PATCH /api/v1/categories/:id', { id }, admin({ body: { title: 'Twig' } }))).status, 200);
    await until(
      async () =>
        bodyOf<{ items: { id: string; children: { title: string }[] }[] }>(await call('GET /api/v1/categories')).items,
      (items) => items.find((one) => one.id === parent.id)?.children[0]?.title === 'Twig',
    );
    assert.equal((await call('DELETE /api/v1/categories/:id', { id }, admin())).status, 204);
  });

  test('stock is counted, for everybody and for staff, and the equations hold', async () => {
    const sku = `COUNTED-${newId()}`;
    const adjust = (body: Body) => call('POST /api/v1/inventory/:sku/adjustments', { sku }, admin({ body }));
    assert.equal((await adjust({ kind: 'received', quantity: 10, reason: 'delivery' })).status, 201);
    assert.equal((await adjust({ kind: 'damaged', quantity: 2, reason: 'rain' })).status, 201);
    assert.equal((await adjust({ kind: 'returned', quantity: 1, reason: 'back' })).status, 201);
    assert.equal((await adjust({ kind: 'adjusted', quantity: -3, reason: 'count' })).status, 201);
    assert.deepEqual(said(await adjust({ kind: 'damaged', quantity: 7, reason: 'fire' })), [
      409,
      'inventory.insufficient',
    ]);
    assert.deepEqual(bodyOf(await call('GET /api/v1/inventory/:sku', { sku: sku.toLowerCase() })), {
      sku: sku.toUpperCase(),
      available: 6,
    });
    const stock = bodyOf<Record<string, number>>(await call('GET /api/v1/inventory/:sku', { sku }, admin()));
    const of = (name: string) => stock[name] as number;
    assert.equal(of('onHand'), of('available') + of('reserved'));
    assert.equal(of('received') + of('returned') + of('adjusted') - of('sold') - of('damaged'), of('onHand'));
    const ledger = bodyOf<{ items: { kind: string }[] }>(
      await call('GET /api/v1/inventory/:sku/ledger', { sku }, admin()),
    );
    assert.deepEqual(
      ledger.items.map(({ kind }) => kind),
      ['adjusted', 'returned', 'damaged', 'received'],
    );
    assert.equal((await call('GET /api/v1/inventory', {}, admin(), '?lowStock=true')).status, 200);
  });
});

describe('orders', () => {
  const basket = (more: Body = {}) => ({
    items: [{ sku: town.sku, quantity: 2 }],
    shippingAddress: address,
    paymentToken: 'tok_approved',
    ...more,
  });
  const placed = async (more: Body = {}): Promise<Order> => {
    const answer = await call('POST /api/v1/orders', {}, asA({ body: basket(more), headers: { prefer: 'wait=20' } }));
    assert.equal(answer.status, 201, answer.text);
    return bodyOf<Order>(answer);
  };

  /** The money is taken after the order is confirmed, a moment later. */
  const captured = (id: string): Promise<Order> =>
    until(
      async () => bodyOf<Order>(await call('GET /api/v1/orders/:id', { id }, asA())),
      ({ payment, totals }) => payment.status === 'captured' && payment.captured.amount === totals.total.amount,
    );

  test('are 202 with their place, or 201 for those who wait; a guest gets a token', async () => {
    const guest = await call('POST /api/v1/orders', {}, { body: basket({ email: 'g@customer.example' }) });
    const { id, status, orderToken } = bodyOf<Order>(guest);
    assert.deepEqual([guest.status, status, guest.headers.location], [202, 'pending', `/api/v1/orders/${id}`]);
    const seen = await call('GET /api/v1/orders/:id', { id }, { headers: { 'x-order-token': orderToken ?? '' } });
    assert.equal(seen.status, 200);
    assert.equal(bodyOf<Order>(seen).orderToken, undefined);
    const order = await placed();
    assert.deepEqual([order.status, order.orderToken, order.userId], ['confirmed', undefined, town.customerA.id]);
    await captured(order.id);
    for (const [paymentToken, code] of [
      ['tok_declined', 'payment.declined'],
      ['tok_insufficient_funds', 'payment.declined'],
    ] as const) {
      const refused = await placed({ paymentToken });
      assert.deepEqual([refused.status, refused.failure?.code], ['rejected', code], paymentToken);
    }
    const tooMuch = await placed({ items: [{ sku: town.sku, quantity: 999_999 }] });
    assert.deepEqual([tooMuch.status, tooMuch.failure?.code], ['rejected', 'order.out-of-stock']);
  });

  test('are refused at once when they can never be, with the line at fault', async () => {
    const line = { sku: town.sku, quantity: 1 };
    for (const [body, code] of [
      [{ items: [] }, 'order.empty'],
      [{ items: [line, { sku: 'NOTHING', quantity: 1 }] }, 'order.unknown-sku'],
      [{ items: Array.from({ length: 2_001 }, () => line) }, 'order.too-many-items'],
      [{ expectedTotal: { amount: 1, currency: 'EUR' } }, 'order.price-changed'],
    ] as const) {
      const answer = await call('POST /api/v1/orders', {}, asA({ body: basket(body) }));
      assert.deepEqual(said(answer), [422, code]);
      if (code === 'order.unknown-sku') assert.match(answer.text, /\/items\/1/);
    }
    for (const more of [
      { placedAt: '2020-01-01T00:00:00Z' },
      { externalId: 'x' },
      { taxExempt: true },
      { shippingMethod: 'none' },
    ]) {
      assert.deepEqual(said(await call('POST /api/v1/orders', {}, asA({ body: basket(more) }))), [
        403,
        'auth.forbidden',
      ]);
    }
    const card = await call('POST /api/v1/orders', {}, asA({ body: basket({ paymentToken: '4242424242424242' }) }));
    assert.deepEqual(said(card), [400, 'request.invalid']);
  });

  test('may be entered by staff, once for an external id', async () => {
    const externalId = newId();
    const body = {
      ...basket({ externalId, placedAt: '2020-01-01T00:00:00.000Z', shippingMethod: 'none' }),
      items: [{ sku: town.sku, quantity: 1, unitPrice: { amount: 5, currency: 'EUR' } }],
    };
    const first = await call('POST /api/v1/orders', {}, admin({ body }));
    const order = bodyOf<Order>(first);
    assert.deepEqual([first.status, order.placedAt, order.totals.total.amount], [202, '2020-01-01T00:00:00.000Z', 5]);
    const headers = { 'idempotency-key': newId() };
    const taken = await call('POST /api/v1/orders', {}, admin({ body, headers }));
    assert.deepEqual(said(taken), [409, 'order.external-id-taken']);
    const again = await call('POST /api/v1/orders', {}, admin({ body, headers }));
    assert.deepEqual([again.text, again.headers['idempotency-replayed']], [taken.text, 'true']);
    const other = { ...body, externalId: newId() };
    assert.deepEqual(said(await call('POST /api/v1/orders', {}, admin({ body: other, headers }))), [
      422,
      'idempotency.key-reused',
    ]);
    const found = bodyOf<{ items: Order[] }>(
      await call('GET /api/v1/orders', {}, admin(), `?externalId=${externalId}`),
    );
    assert.deepEqual(
      found.items.map(({ id }) => id),
      [order.id],
    );
  });

  test('of an account that there is not are refused', async () => {
    const answer = await call('POST /api/v1/orders', {}, admin({ body: basket({ customerId: newId() }) }));
    assert.deepEqual(said(answer), [422, 'user.inactive']);
  });

  test('tell their events, and each change as a stream that can be resumed', async () => {
    const { id } = town.orderOfA.order;
    const events = bodyOf<{ version: number; type: string }[]>(
      (await call('GET /api/v1/orders/:id/events', { id }, asA())) as never,
    );
    assert.deepEqual(
      events.map(({ version }) => version),
      events.map((_, at) => at + 1),
    );
    const stream = await call('GET /api/v1/orders/:id/stream', { id }, asA());
    assert.match(stream.text, /^(:.*\n+)*(id: ?\d+\n|event: ?order\n){2}data: ?\{/);
    const last = String(events.length);
    const resumed = await call('GET /api/v1/orders/:id/stream', { id }, asA({ headers: { 'last-event-id': last } }));
    assert.deepEqual([resumed.status, resumed.text], [204, ''], 'there is nothing to come');
  });

  test('are cancelled until they have shipped', async () => {
    const { id } = await placed();
    const cancelled = await call(
      'POST /api/v1/orders/:id/cancel',
      { id },
      asA({ body: { reason: 'changed my mind' } }),
    );
    assert.equal(cancelled.status, 202);
    const ended = await until(
      async () => bodyOf<Order>(await call('GET /api/v1/orders/:id', { id }, asA())),
      ({ status }) => status === 'cancelled',
    );
    assert.deepEqual(ended.payment.refunded, ended.payment.captured);
    const delivered = await call(
      'POST /api/v1/orders/:id/cancel',
      { id: town.orderOfA.order.id },
      asA({ body: { reason: 'x' } }),
    );
    assert.deepEqual(said(delivered), [409, 'order.not-cancellable']);
  });

  test('are shipped, delivered and refunded, never beyond what was captured', async () => {
    const { id, items, totals } = await captured((await placed()).id);
    const lineId = items[0]?.lineId;
    const shipment = await call(
      'POST /api/v1/orders/:id/shipments',
      { id },
      admin({ body: { carrier: 'Post', trackingNumber: 'T' } }),
    );
    assert.equal(shipment.status, 201);
    assert.equal(bodyOf<Order>(await call('GET /api/v1/orders/:id', { id }, asA())).status, 'shipped');
    assert.equal(
      (await call('POST /api/v1/shipments/:id/delivered', { id: String(bodyOf(shipment)['id']) }, admin())).status,
      200,
    );
    assert.equal(bodyOf<Order>(await call('GET /api/v1/orders/:id', { id }, asA())).status, 'delivered');
    const refund = (body: Body, headers = {}) =>
      call('POST /api/v1/orders/:id/refunds', { id }, admin({ body: { reason: 'broken', ...body }, headers }));
    assert.equal((await refund({ items: [{ lineId, quantity: 1 }], restock: true })).status, 202);
    assert.equal((await refund({ amount: { amount: 1, currency: 'EUR' } }, { prefer: 'wait=20' })).status, 201);
    assert.deepEqual(said(await refund({ amount: totals.total })), [409, 'payment.refund-exceeds-captured']);
    const after = bodyOf<Order>(await call('GET /api/v1/orders/:id', { id }, asA()));
    assert.equal(after.status, 'delivered', 'a refund changes the payment, not the status');
  });

  test('of guests are erased with their token', async () => {
    const { id, orderToken } = bodyOf<Order>(
      await call(
        'POST /api/v1/orders',
        {},
        { body: basket({ email: 'g@customer.example' }), headers: { prefer: 'wait=20' } },
      ),
    );
    const headers = { 'x-order-token': orderToken ?? '' };
    const { etag = '' } = (await call('GET /api/v1/orders/:id', { id }, { headers })).headers;
    const another = await call('POST /api/v1/privacy/erase', {}, { body: { orderId: newId() }, headers });
    assert.deepEqual(said(another), [404, 'order.not-found']);
    const forged = { 'x-order-token': (orderToken ?? '').replace(id, town.orderOfA.order.id) };
    assert.deepEqual(said(await call('POST /api/v1/privacy/erase', {}, { headers: forged })), [404, 'order.not-found']);
    assert.equal((await call('POST /api/v1/privacy/erase', {}, { headers })).status, 204);
    const read = await call('GET /api/v1/orders/:id', { id }, admin({ headers: { 'if-none-match': etag } }));
    const kept = bodyOf<Order>(read);
    assert.deepEqual([read.status, kept.email, kept.shippingAddress], [200, null, null]);
  });

  test('can be sent in the ways that are offered', async () => {
    const methods = bodyOf<{ code: string }[]>(
      (await call('GET /api/v1/shipping-methods', {}, {}, '?country=GB')) as never,
    );
    assert.ok(methods.length > 0);
    const order = await placed({ shippingMethod: methods[0]?.code });
    assert.ok(order.totals.shipping.amount >= 0);
  });
});

describe('payments, notifications, figures and operations', () => {
  test('the payment of an order has its attempts, captures and a ledger that adds up', async () => {
    const { items } = bodyOf<{
      items: { id: string; ledger: { debit: { amount: number }; credit: { amount: number } }[] }[];
    }>(await call('GET /api/v1/payments', {}, admin(), `?orderId=${town.orderOfA.order.id}`));
    assert.equal(items.length, 1);
    const ledger = items[0]?.ledger ?? [];
    assert.ok(ledger.length >= 2);
    assert.equal(
      ledger.reduce((sum, { debit, credit }) => sum + debit.amount - credit.amount, 0),
      0,
    );
    assert.equal((await call('GET /api/v1/payments/:id', { id: items[0]?.id ?? '' }, admin())).status, 200);
    const webhook = await call('POST /api/v1/webhooks/payments/:provider', { provider: 'sandbox' }, { body: {} });
    assert.deepEqual(said(webhook), [401, 'auth.invalid']);
  });

  test('I see what was sent to me, and say what I want to hear of', async () => {
    const seen = await until(
      async () =>
        bodyOf<{ items: { orderId: string; template: string; outcome: string }[] }>(
          await call('GET /api/v1/notifications', {}, asA(), '?limit=100'),
        ).items,
      (items) =>
        items.some(({ orderId, template }) => orderId === town.orderOfA.order.id && template === 'order-confirmed'),
    );
    assert.ok(seen.length > 0);
    const changed = await call('PATCH /api/v1/notifications/preferences', {}, asA({ body: { marketing: true } }));
    assert.deepEqual([changed.status, bodyOf(changed)['marketing']], [200, true]);
  });

  test('figures are told with what they are as of', async () => {
    const summary = bodyOf(
      await call('GET /api/v1/analytics/summary', {}, admin(), '?from=2020-01-01T00:00:00Z&currency=EUR'),
    );
    for (const field of [
      'orders',
      'revenue',
      'averageOrderValue',
      'refunds',
      'cancelled',
      'rejected',
      'newCustomers',
      'asOf',
    ])
      assert.ok(field in summary, field);
    for (const metric of ['orders', 'revenue', 'refunds']) {
      for (const interval of ['hour', 'day', 'week', 'month']) {
        const series = await call(
          'GET /api/v1/analytics/series',
          {},
          admin(),
          `?metric=${metric}&interval=${interval}`,
        );
        assert.ok('asOf' in bodyOf(series), `${metric} ${interval}`);
      }
    }
    for (const by of ['revenue', 'quantity']) {
      assert.equal((await call('GET /api/v1/analytics/top-products', {}, admin(), `?by=${by}&limit=5`)).status, 200);
    }
    assert.match(
      String((await call('GET /api/v1/analytics/export', {}, admin())).headers['content-type']),
      /^text\/csv/,
    );
  });

  test('the dashboard is four services in one answer', async () => {
    const dashboard = bodyOf(await call('GET /api/v1/dashboard', {}, asA()));
    assert.deepEqual(dashboard['partial'], []);
    for (const part of ['user', 'recentOrders', 'notifications', 'recentProducts']) assert.ok(dashboard[part], part);
  });

  test('health, the document and its page are open to all', async () => {
    assert.equal((await call('GET /health/live')).status, 200);
    for (const address of ['GET /health/ready', 'GET /ready', 'GET /health'])
      assert.equal((await call(address)).status, 200, address);
    const health = bodyOf<{ services: { name: string; state: string }[] }>(await call('GET /health'));
    assert.deepEqual(new Set(health.services.map(({ state }) => state)), new Set(['up']));
    const names = health.services.map(({ name }) => name);
    for (const service of ['order', 'notification']) assert.ok(names.includes(`${service} postgresql`), names.join());
    const described = await ask(wire, 'GET', '/openapi.json');
    assert.deepEqual([described.status, bodyOf(described)['openapi']], [200, '3.1.0']);
    assert.match(String((await ask(wire, 'GET', '/docs')).headers['content-type']), /^text\/html/);
    assert.equal((await ask(wire, 'GET', '/metrics')).status, 404, 'metrics have a port of their own');
  });

  test('operators see sagas, dead letters and invariants', async () => {
    assert.ok(
      bodyOf<{ services: unknown[] }>(await call('GET /api/v1/ops/services', {}, admin())).services.length >= 8,
    );
    const { items } = bodyOf<{ items: { id: string }[] }>(
      await call('GET /api/v1/ops/sagas', {}, admin(), '?status=completed'),
    );
    const id = items[0]?.id ?? '';
    assert.equal((await call('GET /api/v1/ops/sagas/:id', { id }, admin())).status, 200);
    const turnedBack = bodyOf<{ items: { id: string; failure: { code: string } }[] }>(
      await call('GET /api/v1/ops/sagas', {}, admin(), '?status=compensated'),
    ).items.find(({ failure }) => failure.code === 'payment.declined');
    const { steps } = bodyOf<{ steps: { name: string; state: string }[] }>(
      await call('GET /api/v1/ops/sagas/:id', { id: turnedBack?.id ?? '' }, admin()),
    );
    assert.ok(steps.some(({ name, state }) => name === 'authorise payment' && state === 'refused'));
    for (const action of ['retry', 'skip', 'compensate']) {
      assert.deepEqual(
        said(await call(`POST /api/v1/ops/sagas/:id/${action}`, { id }, admin({ body: { reason: 'test' } }))),
        [409, 'saga.not-stuck'],
      );
    }
    assert.deepEqual(bodyOf(await call('GET /api/v1/ops/dead-letters', {}, admin()))['items'], []);
    assert.equal(
      bodyOf(await call('POST /api/v1/ops/dead-letters/redrive', {}, admin({ body: { all: true } })))['redriven'],
      0,
    );
    const invariants = await until(
      async () =>
        bodyOf<{ held: boolean; checks: { name: string }[] }>(await call('GET /api/v1/ops/invariants', {}, admin())),
      ({ held }) => held,
    );
    assert.ok(invariants.checks.length >= 5);
  });
});

describe('with limits on', () => {
  let limited: WatchedShop;
  let line: Wire;
  before(async () => {
    limited = await openWatchedShop({
      STOA_RATE_LIMITS: 'on',
      STOA_RATE_LIMIT_ANONYMOUS: '12',
      STOA_RATE_LIMIT_AUTH: '5',
    });
    line = new Wire(limited.port);
  });
  after(async () => {
    line?.close();
    await limited?.close();
  });

  test('answers say how much is left, and past it 429 says when to come back', async () => {
    const left: number[] = [];
    let last = await ask(line, 'GET', '/api/v1/products');
    for (let at = 0; at < 12 && last.status === 200; at++) {
      assert.match(String(last.headers['ratelimit-policy']), /^"[\w-]+";q=12;w=60$/);
      left.push(Number(/;r=(\d+)/.exec(String(last.headers['ratelimit']))?.[1]));
      last = await ask(line, 'GET', '/api/v1/products');
    }
    assert.deepEqual(
      left,
      [...left].sort((a, b) => b - a),
    );
    assert.deepEqual(said(last), [429, 'quota-exceeded']);
    assert.ok(Number(last.headers['retry-after']) > 0);
    assert.equal(document.differenceOf('GET', '/api/v1/products', last), undefined);
  });

  test('signing in has a quota of its own, by address and by account', async () => {
    const answers: Sent[] = [];
    for (let at = 0; at < 7; at++) {
      answers.push(
        await ask(line, 'POST', '/api/v1/auth/login', {
          body: { email: 'a@customer.example', password: 'wrong password' },
        }),
      );
    }
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 401, 401, 401, 401, 429, 429],
    );
  });
});
