import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { notificationContract } from '@stoa/contracts/notification';
import { orderContract } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import type { Call } from '@stoa/platform/service';
import { opsContract } from '@stoa/platform/service';
import { startTestGateway, type TestGateway } from './testing/start-test-gateway.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startTestGateway({ STOA_RATE_LIMITS: 'off' });
});
afterEach(() => gateway.close());

const get = async (path: string, token?: string) => {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`, { headers });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
};
const post = async (path: string, token: string, body: unknown) => {
  const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

const sagaId = '01a1fbc4-d390-71d6-85d6-c33d5734288f';
const saga = {
  id: sagaId,
  name: 'check-out',
  key: 'o1',
  status: 'stuck',
  step: 'capture',
  attempts: 3,
  failure: { code: 'payment.declined', detail: 'no' },
  correlationId: 'c1',
  startedAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
};

test('the dashboard asks on behalf of its caller, never as staff, and names what is missing', async () => {
  const asked: unknown[] = [];
  const { listOrders } = orderContract.operations;
  const { listNotifications } = notificationContract.operations;
  await gateway.offer(
    'order',
    { listOrders },
    {
      listOrders: async (call: Call) => {
        asked.push(call.principal);
        return { body: { items: [], nextCursor: null } };
      },
    },
  );
  await gateway.offer('notification', { listNotifications }, { listNotifications: () => new Promise(() => undefined) });
  const startedMs = performance.now();
  const { status, body } = await get('/api/v1/dashboard', await gateway.token('support', 'u1', 's1'));
  assert.equal(status, 200);
  assert.deepEqual(body, {
    user: null,
    recentOrders: [],
    notifications: null,
    recentProducts: null,
    partial: ['user', 'notifications', 'recentProducts'],
  });
  assert.deepEqual(asked, [{ kind: 'user', userId: 'u1', role: 'customer', sessionId: 's1' }]);
  assert.ok(performance.now() - startedMs < 3_000);
  assert.equal((await get('/api/v1/dashboard')).status, 401);
});

test('only operators and admins may look into sagas and messages', async () => {
  for (const path of ['sagas', 'dead-letters', 'invariants', 'services', 'backlog', `sagas/${sagaId}`]) {
    assert.equal((await get(`/api/v1/ops/${path}`)).status, 401, path);
    for (const role of ['customer', 'support', 'merchandiser'] as const) {
      assert.equal((await get(`/api/v1/ops/${path}`, await gateway.token(role))).status, 403, `${role} ${path}`);
    }
  }
});

test('an operator finds a saga wherever it lives, and what was done is said to be done by them', async () => {
  const { getSaga, listSagas, skipSaga } = opsContract('witness').operations;
  const skipped: unknown[] = [];
  await gateway.offer(
    'witness',
    { getSaga, listSagas, skipSaga },
    {
      getSaga: async ({ params }: Call) => {
        if ((params as { id: string }).id !== sagaId) throw refusal('saga.not-found', 'none');
        return { body: { ...saga, input: {}, steps: [], history: [] } };
      },
      listSagas: async () => ({ body: { items: [saga], nextCursor: null } }),
      skipSaga: async ({ body }: Call) => {
        skipped.push(body);
        return { body: { ...saga, status: 'completed', step: null } };
      },
    },
  );
  const operator = await gateway.token('operator', 'op1');
  const found = await get(`/api/v1/ops/sagas/${sagaId}`, operator);
  assert.deepEqual([found.status, found.body['service'], found.body['status']], [200, 'witness', 'stuck']);
  const other = await get('/api/v1/ops/sagas/01a1fbc4-d390-71d6-85d6-c33d57342000', operator);
  assert.deepEqual([other.status, other.body['code']], [404, 'saga.not-found']);
  assert.equal((await get('/api/v1/ops/sagas/no-id', operator)).status, 400);
  const list = await get('/api/v1/ops/sagas?status=stuck', operator);
  assert.deepEqual(list.body, { items: [{ service: 'witness', ...saga }], nextCursor: null, partial: [] });
  assert.equal((await post(`/api/v1/ops/sagas/${sagaId}/skip`, operator, {})).status, 400);
  const skip = await post(`/api/v1/ops/sagas/${sagaId}/skip`, operator, { reason: 'paid by hand' });
  assert.deepEqual([skip.status, skip.body['status']], [200, 'completed']);
  assert.deepEqual(skipped, [{ reason: 'paid by hand', actor: 'user op1' }]);
});

test('a service that cannot be asked is named, and nothing is said to hold that was not looked at', async () => {
  const operator = await gateway.token('operator');
  for (const path of ['sagas', 'dead-letters']) {
    assert.deepEqual((await get(`/api/v1/ops/${path}`, operator)).body, {
      items: [],
      nextCursor: null,
      partial: ['witness'],
    });
  }
  const { body } = await get('/api/v1/ops/invariants', operator);
  assert.deepEqual([body['held'], body['partial']], [false, ['witness']]);
});

test('backlogs are counted by service and in all, and dead letters are put back', async () => {
  const { backlog, redriveDeadLetters } = opsContract('witness').operations;
  const counts = { outbox: 1, inbox: 2, sagasLive: 3, effects: 4, dead: 5 };
  await gateway.offer(
    'witness',
    { backlog, redriveDeadLetters },
    {
      backlog: async () => ({ body: counts }),
      redriveDeadLetters: async () => ({ body: { redriven: 5 } }),
    },
  );
  const operator = await gateway.token('operator');
  const { body } = await get('/api/v1/ops/backlog', operator);
  assert.deepEqual(body, { total: counts, services: [{ service: 'witness', ...counts }], partial: [] });
  const all = await post('/api/v1/ops/dead-letters/redrive', operator, { all: true });
  assert.deepEqual(all.body, { redriven: 5, partial: [] });
  for (const body of [{}, { ids: ['a'], all: true }]) {
    assert.equal((await post('/api/v1/ops/dead-letters/redrive', operator, body)).status, 400);
  }
});

test('health is as bad as its worst part, and readiness says why it is not', async () => {
  assert.deepEqual((await get('/health/live')).body, { status: 'live' });
  const good = await get('/health');
  assert.deepEqual([good.status, good.body['status'], good.body['version']], [200, 'up', '1.2.3']);
  gateway.health = [
    { name: 'witness', state: 'up', latencyMs: 1 },
    { name: 'order', state: 'down', latencyMs: 2, reason: 'connect ECONNREFUSED 10.0.0.7:5432 as shop_order' },
    { name: 'broker', state: 'degraded', latencyMs: 0, reason: 'user shop may not enter vhost /prod' },
  ];
  for (const endMs = Date.now() + 2_000; (await get('/ready')).status !== 503; ) assert.ok(Date.now() < endMs);
  for (const path of ['/ready', '/health/ready']) {
    const { status, body } = await get(path);
    assert.deepEqual([status, body], [503, { status: 'not-ready', reasons: ['order: down'] }]);
  }
  const bad = await get('/health');
  assert.deepEqual([bad.status, bad.body['status']], [503, 'down']);
  // Anyone may ask, so addresses and names of the inside are for the staff only.
  const reasonsIn = (body: Record<string, unknown>) =>
    (body['services'] as { reason?: string }[]).map(({ reason }) => reason);
  assert.deepEqual(reasonsIn(bad.body), [undefined, 'It does not answer.', 'It does not work as it should.']);
  const full = await get('/api/v1/ops/services', await gateway.token('operator'));
  assert.deepEqual(
    reasonsIn(full.body),
    gateway.health.map(({ reason }) => reason),
  );
});

test('the documentation names every operation and every code, runs no script, and loads nothing', async () => {
  const document = await get('/openapi.json');
  assert.equal(document.body['openapi'], '3.1.0');
  const paths = Object.keys(document.body['paths'] as object);
  assert.ok(paths.includes('/api/v1/things/{id}') && paths.includes('/api/v1/dashboard'));
  assert.ok(!paths.some((path) => path.startsWith('/internal/')));
  for (const [path, expected] of [
    ['/docs', '/api/v1/things/:id'],
    ['/docs/errors', 'The thing is odd &lt;here&gt;'],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`);
    const html = await answer.text();
    assert.ok(html.includes(expected), path);
    assert.doesNotMatch(html, /<script|https?:\/\/|\/internal\//);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; style-src 'sha256-/);
    const again = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
      headers: { 'if-none-match': answer.headers.get('etag') ?? '' },
    });
    assert.deepEqual([again.status, again.headers.get('content-security-policy')], [304, policy]);
  }
});
