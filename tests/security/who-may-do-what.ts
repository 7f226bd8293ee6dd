import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import { roles } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import { until } from '../shop.ts';
import { type Asker, findBreaches, type MatrixOptions } from './access-matrix.ts';
import { addressOf, goodRequest } from './good-request.ts';
import { forgeTokens } from './impostors.ts';
import { openWatchedShop, type WatchedShop } from './open-shop.ts';
import { everyOperation, type NamedOperation, publicOperations } from './operations.ts';
import { sampleOf } from './samples.ts';
import { codeOf, type Sent, Wire } from './send.ts';
import { ask, get, type Person, password, register, settleTown, signIn, type Town } from './town.ts';

let shop: WatchedShop;
let wire: Wire;
let town: Town;

before(async () => {
  shop = await openWatchedShop();
  wire = new Wire(shop.port);
  town = await settleTown(shop, wire);
});
after(async () => {
  wire?.close();
  await shop?.close();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Everybody with something good to show, as they stand to an order, an account and a session of customer A. */
function honest(): Asker[] {
  const { customerA, customerB, staff, keys, adminToken, otherGuest } = town;
  const person = (name: string, token: string, role: Asker['role'] = 'customer', owns = false): Asker => ({
    name,
    kind: 'person',
    role,
    owns,
    headers: bearer(token),
  });
  return [
    { name: 'nobody', kind: 'nobody', owns: false, headers: {} },
    { name: 'another guest', kind: 'guest', owns: false, headers: otherGuest },
    {
      name: 'a guest with nonsense',
      kind: 'guest',
      owns: false,
      headers: { 'x-order-token': 'x', 'x-cart-token': 'x' },
    },
    person('customer A', customerA.accessToken, 'customer', true),
    person('customer B', customerB.accessToken),
    person('support', staff.support.accessToken, 'support'),
    person('the merchandiser', staff.merchandiser.accessToken, 'merchandiser'),
    person('the operator', staff.operator.accessToken, 'operator'),
    person('the admin', adminToken, 'admin'),
    ...roles.map(
      (role): Asker => ({ name: `a key of ${role}`, kind: 'machine', role, owns: false, headers: bearer(keys[role]) }),
    ),
  ];
}

function asked(options: Partial<MatrixOptions> = {}): Promise<string[]> {
  const ask = (sending: Parameters<Wire['send']>[0]) => wire.send(sending);
  return findBreaches({ operations: everyOperation, askers: honest(), owned: town.orderOfA, town, ask, ...options });
}

describe('who may do what', () => {
  test('every operation lets in those whom it declares, and turns everybody else away with the declared answer', async () => {
    assert.deepEqual(await asked(), []);
  });

  test("a guest's order and cart are for the guest and the staff only", async () => {
    const operations = publicOperations.filter(({ operation }) =>
      /^\/api\/v1\/(orders|carts)\/:id/.test(operation.path),
    );
    assert.ok(operations.length >= 9);
    const guest: Asker = {
      name: 'its guest',
      kind: 'guest',
      owns: true,
      headers: town.guest,
    };
    const askers = [...honest().map((asker) => ({ ...asker, owns: false })), guest];
    assert.deepEqual(await asked({ operations, askers, owned: town.orderOfGuest }), []);
  });

  test('a token with anything wrong about it opens nothing, not even what is open to all', async () => {
    const { good, broken } = await forgeTokens(shop, town.customerA);
    assert.equal(
      (await ask(wire, 'GET', '/api/v1/users/me', { token: good })).status,
      200,
      'the forger signs as the shop does',
    );
    const askers = Object.entries(broken).map(
      ([name, token]): Asker => ({ name, kind: 'impostor', owns: false, headers: bearer(token) }),
    );
    assert.deepEqual(await asked({ askers }), []);
  });

  test('an Authorization header that is not a good bearer token is refused, not passed over', async () => {
    const values = [
      'Basic YWRtaW46YWRtaW4=',
      'Bearer',
      `Bearer ${town.adminToken} x`,
      `bearer: ${town.adminToken}`,
      town.adminToken,
    ];
    const askers = values.map(
      (value): Asker => ({
        name: value.slice(0, 20),
        kind: 'impostor',
        owns: false,
        headers: { authorization: value },
      }),
    );
    assert.deepEqual(await asked({ askers }), []);
  });

  test('headers by which our own services know each other mean nothing from outside', async () => {
    const headers = {
      'x-user-id': town.customerA.id,
      'x-user-role': 'admin',
      'x-principal': JSON.stringify({ kind: 'service', name: 'order' }),
      'x-service-name': 'order',
      'x-stoa-principal': JSON.stringify({ kind: 'service', name: 'order' }),
      'x-internal-service': 'order',
    };
    assert.deepEqual(await asked({ askers: [{ name: 'a liar', kind: 'nobody', owns: false, headers }] }), []);
  });
});

describe('a matrix that cannot fail proves nothing', () => {
  const guarded = publicOperations.filter(({ operation }) => !['anyone', 'signed'].includes(operation.access.who));

  test('an operation that is declared tighter than it is turns the matrix red', async () => {
    for (const { name, operation } of publicOperations) {
      if (operation.access.who !== 'anyone') continue;
      const tightened = { name, operation: { ...operation, access: { who: 'staff', roles: [] } } } as NamedOperation;
      assert.notDeepEqual(await asked({ operations: [tightened] }), [], name);
    }
  });

  test('an operation that is declared looser than it is turns the matrix red', async () => {
    for (const { name, operation } of guarded) {
      const loosened = { name, operation: { ...operation, access: { who: 'anyone' } } } as NamedOperation;
      assert.notDeepEqual(await asked({ operations: [loosened] }), [], name);
    }
  });

  test('a shop that forgets the check of one operation turns the matrix red, whichever it is', async () => {
    for (const forgotten of guarded) {
      // What a shop without the check would do: answer everybody as it answers those who may.
      const open: MatrixOptions['ask'] = (sending) =>
        wire.send({ ...sending, headers: { ...sending.headers, ...bearer(town.adminToken) } });
      assert.notDeepEqual(await asked({ operations: [forgotten], ask: open }), [], forgotten.name);
    }
  });

  test('a shop that forgets whose a thing is turns the matrix red', async () => {
    for (const forgotten of guarded.filter(
      ({ operation }) => operation.access.who === 'owner' && operation.path.includes(':id'),
    )) {
      const asOwner: MatrixOptions['ask'] = (sending, asker) =>
        wire.send({
          ...sending,
          headers: { ...sending.headers, ...(asker.name === 'customer B' && bearer(town.customerA.accessToken)) },
        });
      const breaches = await asked({ operations: [forgotten], ask: asOwner });
      assert.equal(breaches.length, 1, forgotten.name);
      assert.match(breaches[0] as string, /asked by customer B: not theirs expected/);
    }
  });
});

describe("another owner's id in the place of one's own", () => {
  const answered = ({ status, text, ...rest }: Sent) => [status, codeOf({ status, text, ...rest }) ?? text];
  const asB = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    ask(wire, method, path, { token: town.customerB.accessToken, body, headers });

  test('in the path: a session of A is not there for B, and lives on', async () => {
    const session = `/api/v1/users/me/sessions/${town.customerA.sessionId}`;
    assert.deepEqual(answered(await asB('DELETE', session)), [404, 'session.not-found']);
    assert.equal((await ask(wire, 'GET', '/api/v1/users/me', { token: town.customerA.accessToken })).status, 200);
  });

  test('in the query: B finds nothing of A by an external id', async () => {
    const externalId = `external-${newId()}`;
    await get(wire, 'POST', '/api/v1/orders', {
      token: town.adminToken,
      body: {
        items: [{ sku: town.sku, quantity: 1 }],
        customerId: town.customerA.id,
        externalId,
        shippingMethod: 'none',
        paymentToken: 'tok_approved',
      },
    });
    const seen = await get<{ items: Order[] }>(wire, 'GET', `/api/v1/orders?externalId=${externalId}`, {
      token: town.customerA.accessToken,
    });
    assert.equal(seen.items.length, 1, 'A finds it');
    assert.deepEqual(answered(await asB('GET', `/api/v1/orders?externalId=${externalId}`)), [
      200,
      '{"items":[],"nextCursor":null}',
    ]);
  });

  test("in a cursor: the page that follows in the staff's list is empty in B's", async () => {
    for (const path of ['/api/v1/orders']) {
      const all = await get<{ nextCursor: string }>(wire, 'GET', `${path}?limit=1`, { token: town.adminToken });
      const mine = await get<{ items: Order[] }>(wire, 'GET', `${path}?limit=100&cursor=${all.nextCursor}`, {
        token: town.customerB.accessToken,
      });
      assert.deepEqual(
        mine.items.filter(({ userId }) => userId !== town.customerB.id),
        [],
      );
    }
  });

  test('in lists: nobody but staff sees an order, a session or a notification of somebody else', async () => {
    const idsOf = async (path: string, token: string) =>
      (await get<{ items: { id: string }[] }>(wire, 'GET', `${path}?limit=100`, { token })).items.map(({ id }) => id);
    for (const path of ['/api/v1/orders', '/api/v1/users/me/sessions', '/api/v1/notifications']) {
      const ofA = new Set(
        await until(
          () => idsOf(path, town.customerA.accessToken),
          (ids) => ids.length > 0,
        ),
      );
      assert.deepEqual(
        (await idsOf(path, town.customerB.accessToken)).filter((id) => ofA.has(id)),
        [],
        path,
      );
    }
    const dashboard = JSON.stringify(
      await get(wire, 'GET', '/api/v1/dashboard', { token: town.customerB.accessToken }),
    );
    for (const secret of [town.customerA.id, town.customerA.email, town.orderOfA.order.id])
      assert.ok(!dashboard.includes(secret));
    const exported = JSON.stringify(
      await get(wire, 'GET', '/api/v1/users/me/export', { token: town.customerB.accessToken }),
    );
    for (const secret of [town.customerA.id, town.customerA.email, town.orderOfA.order.id])
      assert.ok(!exported.includes(secret));
  });

  test("in the body: a guest's token erases no other order", async () => {
    const token = { ...town.otherGuest };
    for (const { order } of [town.orderOfGuest, town.orderOfA]) {
      const answer = await ask(wire, 'POST', '/api/v1/privacy/erase', { body: { orderId: order.id }, headers: token });
      assert.deepEqual(answered(answer), [404, 'order.not-found']);
      const kept = await get<Order>(wire, 'GET', `/api/v1/orders/${order.id}`, { token: town.adminToken });
      assert.notEqual(kept.email, null);
    }
    assert.deepEqual(answered(await asB('POST', '/api/v1/privacy/erase', { orderId: town.orderOfA.order.id })), [
      404,
      'order.not-found',
    ]);
  });

  test("in the body: B cannot write A's address", async () => {
    const book = await get<{ addresses: { id: string }[] }>(wire, 'PATCH', '/api/v1/users/me', {
      token: town.customerA.accessToken,
      body: { addresses: [{ ...town.orderOfA.order.shippingAddress, name: 'A' }] },
    });
    const [mine] = book.addresses as [{ id: string }];
    const answer = await asB('PATCH', '/api/v1/users/me', { addresses: [{ ...mine, name: 'B' }] });
    assert.ok([400, 404].includes(answer.status), answer.text);
    const after = await get<{ addresses: { id: string; name: string }[] }>(wire, 'GET', '/api/v1/users/me', {
      token: town.customerA.accessToken,
    });
    assert.deepEqual(
      after.addresses.map(({ name }) => name),
      ['A'],
    );
  });

  test("in the body: no customer orders in another's name, and a cart of somebody else is no cart", async () => {
    const { body } = goodRequest(namedAs('order.placeOrder'), town);
    assert.deepEqual(
      answered(await asB('POST', '/api/v1/orders', { ...(body as object), customerId: town.customerA.id })),
      [403, 'auth.forbidden'],
    );
    const { items: _items, ...aboutCart } = body as { items: unknown };
    const { status } = await asB('POST', '/api/v1/orders', { ...aboutCart, cartId: town.orderOfA.cartId });
    assert.ok([404, 422].includes(status), `${status}`);
  });

  test("in the body: lines of A's order are no lines of B's", async () => {
    const lineId = town.orderOfA.order.items[0]?.lineId;
    const order = `/api/v1/orders/${town.orderOfB.order.id}`;
    const items = [{ lineId, quantity: 1 }];
    for (const [path, body] of [
      [`${order}/refunds`, { items, reason: 'broken' }],
      [`${order}/shipments`, { items, carrier: 'Post' }],
    ] as const) {
      const answer = await ask(wire, 'POST', path, { token: town.adminToken, body });
      assert.ok([404, 409, 422].includes(answer.status), `${path} ${answer.status} ${answer.text}`);
    }
  });

  test("in the body: B signs out with A's refresh token, and only B is signed out", async () => {
    const leaving = await signIn(wire, town.customerB.email);
    const answer = await ask(wire, 'POST', '/api/v1/auth/logout', {
      token: leaving.accessToken,
      body: { refreshToken: town.customerA.refreshToken },
    });
    assert.equal(answer.status, 204);
    assert.equal((await ask(wire, 'GET', '/api/v1/users/me', { token: town.customerA.accessToken })).status, 200);
    await turnedAway(leaving.accessToken);
  });
});

describe('fields that may only be read', () => {
  const never = [
    'id',
    'version',
    'createdAt',
    'updatedAt',
    'role',
    'userId',
    'status',
    'active',
    'isAdmin',
    'passwordHash',
    'totals',
    'payment',
    'number',
  ];

  for (const named of publicOperations.filter(({ operation }) => operation.body !== undefined)) {
    test(`${named.name} refuses every field of its answer that it does not take`, async () => {
      const { operation } = named;
      const good = goodRequest(named, town);
      const takes = fieldsOf(operation.body);
      const readOnly = new Set([...fieldsOf(operation.answer), ...never].filter((field) => !takes.has(field)));
      assert.ok(readOnly.size >= 8);
      for (const field of readOnly) {
        const body = { ...(good.body as object), [field]: fieldSample(operation.answer, field) };
        const token =
          operation.access.who === 'anyone'
            ? undefined
            : operation.access.who === 'caller'
              ? town.customerA.accessToken
              : town.adminToken;
        const answer = await ask(wire, operation.method, addressOf(operation.path, good), { token, body });
        assert.equal(codeOf(answer), 'request.invalid', `${field}: ${answer.status} ${answer.text}`);
        const { errors } = JSON.parse(answer.text) as { errors: { path: string }[] };
        assert.ok(
          errors.some(({ path }) => path === `/${field}`),
          `${field}: ${answer.text}`,
        );
      }
    });
  }
});

describe('tokens that were good once', () => {
  test('an access token is void after a change of password, of role, and after erasure, and a key once it is deleted', async () => {
    const [changing, promoted, erased, blocked] = (await Promise.all(
      Array.from({ length: 4 }, () => register(wire)),
    )) as [Person, Person, Person, Person];
    const other = await signIn(wire, changing.email);
    const body = { currentPassword: password, password: 'another long password' };
    await get(wire, 'PATCH', '/api/v1/users/me', { token: changing.accessToken, body });
    await get(wire, 'PATCH', `/api/v1/users/${promoted.id}`, { token: town.adminToken, body: { role: 'support' } });
    await get(wire, 'PATCH', `/api/v1/users/${blocked.id}`, { token: town.adminToken, body: { active: false } });
    await get(wire, 'DELETE', '/api/v1/users/me', { token: erased.accessToken });
    const key = await get<{ id: string; key: string }>(wire, 'POST', '/api/v1/api-keys', {
      token: town.adminToken,
      body: { name: 'k', role: 'admin' },
    });
    assert.equal((await ask(wire, 'GET', '/api/v1/users', { token: key.key })).status, 200);
    await get(wire, 'DELETE', `/api/v1/api-keys/${key.id}`, { token: town.adminToken });
    for (const token of [
      changing.accessToken,
      other.accessToken,
      promoted.accessToken,
      blocked.accessToken,
      erased.accessToken,
      key.key,
    ]) {
      await turnedAway(token);
    }
    for (const { refreshToken } of [other, erased, blocked]) {
      const answer = await ask(wire, 'POST', '/api/v1/auth/refresh', { body: { refreshToken } });
      assert.deepEqual([answer.status, codeOf(answer)], [401, 'auth.invalid'], 'and its session with it');
    }
    const askers = [changing, other, promoted, blocked, erased].map(
      ({ accessToken }): Asker => ({
        name: 'one of them',
        kind: 'impostor',
        owns: false,
        headers: bearer(accessToken),
      }),
    );
    assert.deepEqual(await asked({ askers, operations: publicOperations }), []);
  });

  test('an access token is not taken for a refresh token', async () => {
    const answer = await ask(wire, 'POST', '/api/v1/auth/refresh', {
      body: { refreshToken: town.customerA.accessToken },
    });
    assert.ok([400, 401].includes(answer.status), answer.text);
    const key = await ask(wire, 'POST', '/api/v1/auth/refresh', { body: { refreshToken: town.keys.admin } });
    assert.deepEqual([key.status, codeOf(key)], [401, 'auth.invalid']);
  });

  test('a token of a session that was ended is void', async () => {
    const other = await signIn(wire, town.customerA.email);
    await get(wire, 'DELETE', `/api/v1/users/me/sessions/${other.sessionId}`, { token: town.customerA.accessToken });
    await turnedAway(other.accessToken);
  });

  test('what an erased customer ordered stays, without name and address', async () => {
    const leaving = await register(wire);
    const { body } = goodRequest(namedAs('order.placeOrder'), town);
    const { email: _guests, ...order } = body as { email: string };
    const placed = await get<Order>(wire, 'POST', '/api/v1/orders', {
      token: leaving.accessToken,
      body: order,
      headers: { prefer: 'wait=20' },
    });
    await get(wire, 'DELETE', '/api/v1/users/me', { token: leaving.accessToken });
    const kept = await until(
      () => get<Order>(wire, 'GET', `/api/v1/orders/${placed.id}`, { token: town.adminToken }),
      ({ email, shippingAddress }) => email === null && shippingAddress === null,
    );
    assert.equal(kept.status, 'confirmed');
  });
});

/** Revocations travel by messages, so they arrive a moment later. */
async function turnedAway(token: string): Promise<void> {
  await until(
    () => ask(wire, 'GET', '/api/v1/users/me', { token }),
    (answer) => answer.status === 401 && codeOf(answer) === 'auth.invalid',
    5_000,
  );
}

function namedAs(name: string): NamedOperation {
  return publicOperations.find((one) => one.name === name) as NamedOperation;
}

interface Fields {
  readonly properties?: Readonly<Record<string, NamedOperation['operation']['params']>>;
  readonly anyOf?: readonly Fields[];
}

function fieldsOf(schema: unknown): Set<string> {
  const { properties = {}, anyOf = [] } = (schema ?? {}) as Fields;
  return new Set([...Object.keys(properties), ...anyOf.flatMap((one) => [...fieldsOf(one)])]);
}

function fieldSample(answer: unknown, field: string): unknown {
  const schema = ((answer ?? {}) as Fields).properties?.[field];
  return schema === undefined ? 'a word' : sampleOf(schema);
}
