import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { AppError } from '../errors/index.ts';
import { anyone, contract, nobodyWaits, operation, strict, Type } from '../schema/index.ts';
import { type Clients, createClients, notBegunHeader, type RemoteOptions } from './index.ts';
import { placesOf } from './testing/places.ts';

const body = strict({ name: Type.String() });
const answer = strict({ name: Type.String() });
const base = { summary: 'Tea', access: anyone, answer } as const;
const teaContract = contract({
  service: 'tea',
  operations: {
    getTea: operation({ ...base, method: 'GET', path: '/teas/one' }),
    findTea: operation({ ...base, method: 'POST', path: '/teas/find', body, repeatable: true }),
    addTea: operation({ ...base, method: 'POST', path: '/teas', body }),
    orderTea: operation({ ...base, method: 'POST', path: '/orders', body, idempotency: 'accepted' }),
    quickTea: operation({ ...base, method: 'GET', path: '/teas/quick', policy: { attemptTimeoutMs: 200 } }),
    listTeas: operation({ ...base, method: 'GET', path: '/teas', answer: Type.Array(answer), fallback: { value: [] } }),
    quoteTea: operation({
      ...base,
      method: 'GET',
      path: '/quote',
      query: { for: Type.String() },
      fallback: { lastGoodMs: 60_000 },
    }),
  },
  events: {},
  commands: {},
  errors: { 'tea.cold': { status: 409, title: 'The tea is cold' } },
});
const cause = { correlationId: 'c1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
const asker = { cause, deadlineMs: nobodyWaits };

const open: { close(): unknown; closeAllConnections?(): void }[] = [];
const allClients: Clients[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
  await Promise.all(allClients.splice(0).map((clients) => clients.close()));
});

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** A replica that behaves as told, and remembers what it was asked. */
async function replica(behave: Behaviour) {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(request);
    behave(request, response);
  });
  open.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
}

const json = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
const good: Behaviour = (_, response) => json(response, 200, { name: 'assam' });
const problem =
  (status: number, code: string, headers: Record<string, string> = {}): Behaviour =>
  (_, response) =>
    json(response, status, { code, detail: `${code} it is` }, headers);
const reset: Behaviour = (request) => request.socket.destroy();
const hang: Behaviour = () => undefined;
const draining = problem(503, 'service.unavailable', { [notBegunHeader]: '1' });

async function teaAt(...urls: string[]) {
  const remote: RemoteOptions = await placesOf({ tea: urls });
  const clients = createClients({ caller: 'order', local: new Map(), remote });
  allClients.push(clients);
  return Object.assign(clients.client(teaContract), { remote });
}

async function errorOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  ok(error instanceof AppError, `expected an AppError, got ${String(error)}`);
  return error;
}

/** An address at which nothing listens. */
async function nobody(): Promise<string> {
  const { url, server } = await replica(good);
  server.close();
  await once(server, 'close');
  return url;
}

/** Calls until a replica has been asked: which one is takes a random choice. */
async function until(isAsked: () => boolean, call: () => Promise<unknown>): Promise<void> {
  for (let calls = 0; !isAsked(); calls++) {
    ok(calls < 200, 'the replica is never asked');
    await call();
  }
}

test('the instance that is named is asked and no other, even when it fails', async () => {
  const [a, b] = [await replica(good), await replica(reset)];
  const tea = await teaAt(a.url, b.url);
  for (let call = 0; call < 5; call++) deepEqual(await tea.getTea({}, { ...asker, at: a.url }), { name: 'assam' });
  equal((await errorOf(tea.getTea({}, { ...asker, at: b.url }))).code, 'service.unavailable');
  equal(a.seen.length, 5);
});

describe('a replica that fails', () => {
  for (const [name, bad] of Object.entries({ resets: reset, answers_500: problem(500, 'internal') })) {
    test(`(it ${name}) is asked again elsewhere for what may be repeated`, async () => {
      const [a, b] = [await replica(bad), await replica(good)];
      const tea = await teaAt(a.url, b.url);
      const body = { name: 'x' };
      for (const call of [
        () => tea.getTea({}, asker),
        () => tea.findTea({ body }, asker),
        () => tea.orderTea({ body }, { ...asker, idempotencyKey: 'k' }),
      ]) {
        const before = a.seen.length;
        await until(
          () => a.seen.length > before,
          async () => deepEqual(await call(), { name: 'assam' }),
        );
      }
    });
  }

  test('is asked once for what may not', async () => {
    const a = await replica(reset);
    const tea = await teaAt(a.url);
    equal((await errorOf(tea.addTea({ body: { name: 'x' } }, asker))).code, 'service.unavailable');
    equal(a.seen.length, 1);
    equal((await errorOf(tea.orderTea({ body: { name: 'x' } }, asker))).code, 'service.unavailable');
    equal(a.seen.length, 2);
  });

  test('and hangs is given up after the time of a try', async () => {
    const [a, b] = [await replica(hang), await replica(good)];
    const tea = await teaAt(a.url, b.url);
    await until(
      () => a.seen.length > 0,
      async () => deepEqual(await tea.quickTea({}, asker), { name: 'assam' }),
    );
    equal(
      (await errorOf((await teaAt(a.url)).quickTea({}, { cause, deadlineMs: Date.now() + 300 }))).code,
      'service.deadline-exceeded',
    );
  });

  test('by not being there is avoided, then left out, and no call is lost, whatever it asks for', async () => {
    const [gone, b] = [await nobody(), await replica(good)];
    const tea = await teaAt(gone, b.url);
    for (let call = 0; call < 40; call++) await tea.addTea({ body: { name: 'x' } }, asker);
    equal(b.seen.length, 40);
    deepEqual(
      tea.remote.discovery.endpoints('tea').map(({ ejected }) => ejected),
      [true, false],
    );
  });

  test('because it is draining loses no call, whatever it asks for', async () => {
    const [a, b] = [await replica(draining), await replica(good)];
    const tea = await teaAt(a.url, b.url);
    let calls = 0;
    await until(
      () => a.seen.length > 2,
      async () => {
        await tea.addTea({ body: { name: 'x' } }, asker);
        calls++;
      },
    );
    equal(b.seen.length, calls);
  });

  test('because it does not believe who calls loses no call, whatever it asks for, and is left out', async () => {
    const strict = problem(401, 'auth.invalid', { 'x-stoa-unproven': '1' });
    const [a, b] = [await replica(strict), await replica(good)];
    const tea = await teaAt(a.url, b.url);
    for (let call = 0; call < 40; call++) await tea.addTea({ body: { name: 'x' } }, asker);
    equal(b.seen.length, 40);
    deepEqual(
      tea.remote.discovery.endpoints('tea').map(({ ejected }) => ejected),
      [true, false],
    );
    const alone = await errorOf((await teaAt(a.url)).addTea({ body: { name: 'x' } }, asker));
    deepEqual([alone.code, alone.message], ['service.bad-gateway', 'tea does not believe who calls.']);
  });

  test('with a good answer to give (a refusal, a fault of its own) stays in use', async () => {
    const a = await replica(problem(500, 'internal'));
    const b = await replica(problem(409, 'tea.cold'));
    const tea = await teaAt(a.url, b.url);
    for (let call = 0; call < 20; call++) await errorOf(tea.addTea({ body: { name: 'x' } }, asker));
    ok(tea.remote.discovery.endpoints('tea').every(({ ejected }) => !ejected));
  });

  test('is not taken to be well again because a call that had little time was not answered', async () => {
    let behave: Behaviour = reset;
    const a = await replica((request, response) => behave(request, response));
    const tea = await teaAt(a.url, (await replica(good)).url);
    const ask = (deadlineMs?: number) =>
      tea.addTea({ body: { name: 'x' } }, { ...asker, ...(deadlineMs && { deadlineMs }) }).catch(() => undefined);
    await until(() => a.seen.length === 4, ask);
    behave = hang;
    await until(
      () => a.seen.length === 5,
      () => ask(Date.now() + 100),
    );
    behave = reset;
    await until(() => a.seen.length === 6, ask);
    deepEqual(
      tea.remote.discovery.endpoints('tea').map(({ ejected }) => ejected),
      [true, false],
    );
  });

  test('in the middle of an answer, or in something else than JSON, is told apart', async () => {
    const half = await replica((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"na');
      setTimeout(() => response.destroy(), 20);
    });
    const call = { body: { name: 'x' } };
    const error = await errorOf((await teaAt(half.url)).addTea(call, asker));
    deepEqual([error.code, error.message], ['service.unavailable', 'tea went away before it answered.']);
    const text = await replica((_, response) => response.end('<html>'));
    equal((await errorOf((await teaAt(text.url)).addTea(call, asker))).code, 'service.bad-gateway');
  });
});

test('what is said about a callee that is not there is that it cannot be reached', async () => {
  const error = await errorOf((await teaAt(await nobody())).getTea({}, asker));
  deepEqual([error.code, error.message, error.retryAfterS], ['service.unavailable', 'tea cannot be reached.', 1]);
});

test('a connection on which nobody reads is given up in time for another replica', async () => {
  // It is connected to and then reads nothing.
  let connections = 0;
  const silent = createTcpServer({ pauseOnConnect: true }, () => connections++);
  open.push(silent);
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const b = await replica(good);
  const tea = await teaAt(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, b.url);
  await until(
    () => connections > 0,
    async () => deepEqual(await tea.quickTea({}, asker), { name: 'assam' }),
  );
});

test('a call whose time was up before it got a connection costs no connection', async () => {
  const held: ServerResponse[] = [];
  const ports = new Set<number | undefined>();
  const a = await replica((request, response) => {
    ports.add(request.socket.remotePort);
    if (request.url === '/teas') held.push(response);
    else good(request, response);
  });
  const remote = await placesOf({ tea: [a.url] });
  const clients = createClients({ caller: 'order', local: new Map(), remote: { ...remote, connectionsMax: 1 } });
  allClients.push(clients);
  const tea = clients.client(teaContract);
  const first = tea.addTea({ body: { name: 'x' } }, asker);
  for (let rounds = 0; held.length === 0 && rounds < 1_000; rounds++) await new Promise(setImmediate);
  equal((await errorOf(tea.getTea({}, { cause, deadlineMs: Date.now() + 50 }))).code, 'service.deadline-exceeded');
  json(held[0] as ServerResponse, 200, { name: 'assam' });
  await first;
  await tea.getTea({}, asker);
  equal(ports.size, 1);
});

test('an answer of more than 16 MiB is refused while it is read, announced or not', async () => {
  const piece = Buffer.alloc(1_048_576, 'x');
  const endless = await replica((_, response) => {
    const more = () => {
      while (response.write(piece));
      response.once('drain', more);
    };
    response.writeHead(200);
    more();
  });
  const announced = await replica((_, response) =>
    response.writeHead(200, { 'content-length': '99999999' }).flushHeaders(),
  );
  for (const { url, seen } of [endless, announced]) {
    const error = await errorOf((await teaAt(url)).addTea({ body: { name: 'x' } }, asker));
    equal(error.code, 'service.bad-gateway');
    match(error.message, /more than 16777216 bytes/);
    equal(seen.length, 1);
  }
});

test('a call says who makes it, for whom, how long it may take, and what it belongs to', async () => {
  const a = await replica(good);
  const tea = await teaAt(a.url);
  const principal = { kind: 'user', userId: 'u1', role: 'customer', sessionId: 's1' } as const;
  await tea.orderTea(
    { body: { name: 'x' } },
    { ...asker, principal, idempotencyKey: 'k1', deadlineMs: Date.now() + 700 },
  );
  await tea.getTea({}, { ...asker, cause: { correlationId: 'c2' } });
  const [first, second] = a.seen.map(({ headers }) => headers);
  ok(first && second);
  equal(tea.remote.trust.callerOf(a.seen[0] as IncomingMessage), 'order');
  deepEqual(JSON.parse(Buffer.from(String(first['x-stoa-on-behalf']), 'base64url').toString()), principal);
  ok(Number(first['x-stoa-timeout-ms']) > 500 && Number(first['x-stoa-timeout-ms']) <= 700);
  deepEqual(
    [first.traceparent, first['x-correlation-id'], first['idempotency-key'], first.authorization],
    [cause.traceparent, 'c1', 'k1', undefined],
  );
  deepEqual([second.traceparent, second['x-stoa-on-behalf']], [undefined, undefined]);
  // A try of what may be repeated has two fifths of the ten seconds.
  ok(Number(second['x-stoa-timeout-ms']) > 3_000 && Number(second['x-stoa-timeout-ms']) <= 4_000);
});

describe('a declared fallback', () => {
  test('stands in for a failure and says so, to those who ask to be told', async () => {
    const tea = await teaAt(await nobody());
    const told: string[] = [];
    deepEqual(await tea.listTeas({}, { ...asker, onPartial: (service) => told.push(service) }), []);
    deepEqual(told, ['tea']);
    equal((await errorOf(tea.listTeas({}, asker))).code, 'service.unavailable');
  });

  test('is never given in place of a refusal', async () => {
    const tea = await teaAt((await replica(problem(409, 'tea.cold'))).url);
    equal((await errorOf(tea.listTeas({}, { ...asker, onPartial: () => undefined }))).code, 'tea.cold');
  });

  test('may be the last good answer to the same question, which nobody can have changed', async () => {
    let behave: Behaviour = good;
    const a = await replica((request, response) => behave(request, response));
    const tea = await teaAt(a.url);
    let partial = 0;
    const options = { ...asker, onPartial: () => partial++ };
    const first = await tea.quoteTea({ query: { for: 'a' } }, options);
    (first as { name: string }).name = 'changed';
    equal(partial, 0);
    behave = reset;
    deepEqual(await tea.quoteTea({ query: { for: 'a' } }, options), { name: 'assam' });
    equal(partial, 1);
    equal((await errorOf(tea.quoteTea({ query: { for: 'b' } }, options))).code, 'service.unavailable');
    const principal = { kind: 'anonymous' } as const;
    await errorOf(tea.quoteTea({ query: { for: 'a' } }, { ...options, principal }));
  });
});
