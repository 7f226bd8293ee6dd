import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AppError } from '../errors/index.ts';
import { fingerprintOf, type HostedHttp, hostHttp } from '../http/index.ts';
import { contract, internal, nobodyWaits, operation, type Principal, strict, Type } from '../schema/index.ts';
import type { Handler, Service } from '../service/index.ts';
import { newTraceparent } from '../telemetry/index.ts';
import { type SampleWitness, sampleContract, sampleService, sampleShop } from '../testing/index.ts';
import type { Client, ClientOptions, Clients } from './index.ts';
import { createClients } from './index.ts';
import { placesOf } from './testing/places.ts';

const cause = { correlationId: 'c1', traceparent: newTraceparent() };
const asker = { cause, deadlineMs: nobodyWaits };
const customer: Principal = { kind: 'user', userId: 'u1', role: 'customer', sessionId: 's1' };
const witness: SampleWitness = { aborted: 0, deadlines: [], bodies: [] };
let hosted: HostedHttp;
const doors: Record<string, Clients> = {};

before(async () => {
  const { trust } = await placesOf({});
  hosted = await hostHttp(sampleShop(witness), sampleService, {
    log: sampleService.log,
    checkAnswers: true,
    callerOf: (request) => trust.callerOf(request),
  });
  const { url } = await hosted.listen({ host: '127.0.0.1', port: 0 });
  doors['in process'] = createClients({ caller: 'order', local: new Map([['sample', hosted]]) });
  doors['over HTTP'] = createClients({
    caller: 'order',
    local: new Map(),
    remote: await placesOf({ sample: [url] }),
  });
});
after(async () => {
  for (const clients of Object.values(doors)) await clients.close();
  await hosted.close(Date.now() + 2_000);
});

/** What a caller can see of an error. */
async function errorOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  ok(error instanceof AppError, `expected an AppError, got ${String(error)}`);
  const { kind, code, message, errors, retryAfterS } = error;
  return { kind, code, message, errors, retryAfterS };
}

const tastingContract = contract({
  service: 'tasting',
  operations: {
    taste: operation({
      method: 'POST',
      path: '/internal/tasting',
      summary: 'Asks another service before it answers',
      access: internal,
      body: strict({ sku: Type.String() }),
      answer: strict({ deadlineMs: Type.Number() }),
    }),
  },
  events: {},
  commands: {},
  errors: {},
});

/** A service between its caller and the sample, hosted as the sample is and reached through the same door. */
async function hostTasting(door: string) {
  const { trust } = await placesOf({});
  const { client } = doors[door] as Clients;
  const taste: Handler<typeof tastingContract.operations.taste> = async ({ body, cause, deadlineMs }, service) => {
    // @ts-expect-error a call that does not say how long somebody waits for it does not compile
    const forgotten: ClientOptions = { cause };
    await service.client(sampleContract).getPrice({ body }, { ...forgotten, deadlineMs });
    return { body: { deadlineMs } };
  };
  const tasting = await hostHttp(
    { name: 'tasting', contract: tastingContract, routes: { taste } },
    { ...sampleService, name: 'tasting', contract: tastingContract, client } as Service,
    { log: sampleService.log, callerOf: (request) => trust.callerOf(request) },
  );
  const { url } = await tasting.listen({ host: '127.0.0.1', port: 0 });
  const clients = createClients({
    caller: 'gateway',
    local: new Map(door === 'in process' ? [['tasting', tasting]] : []),
    remote: await placesOf({ tasting: [url] }),
  });
  return {
    client: clients.client(tastingContract),
    async close() {
      await clients.close();
      await tasting.close(Date.now() + 2_000);
    },
  };
}

for (const door of ['in process', 'over HTTP']) {
  describe(`a call ${door}`, () => {
    const sample = (): Client<typeof sampleContract> => (doors[door] as Clients).client(sampleContract);

    test('comes back with the answer, made by the calling service itself', async () => {
      const answer = await sample().getPrice({ body: { sku: 'A' } }, asker);
      deepEqual(answer, { sku: 'A', principal: { kind: 'service', name: 'order' } });
    });

    test('can be made on behalf of a person, internal operations too', async () => {
      const answer = await sample().getPrice({ body: { sku: 'A' } }, { ...asker, principal: customer });
      deepEqual(answer.principal, customer);
      deepEqual((await sample().getMine({}, { ...asker, principal: customer })).principal, customer);
    });

    test('on behalf of somebody who may not is refused', async () => {
      const error = await errorOf(sample().deleteTea({ params: { id: 'a' } }, { ...asker, principal: customer }));
      deepEqual([error.kind, error.code], ['refusal', 'auth.forbidden']);
      const anonymous = await errorOf(sample().getMine({}, { ...asker, principal: { kind: 'anonymous' } }));
      equal(anonymous.code, 'auth.missing');
    });

    test('without an answer gives undefined', async () => {
      equal(await sample().deleteTea({ params: { id: 'a' } }, asker), undefined);
    });

    test('sends parameters and queries as they are', async () => {
      const id = 'a/b?c=d&e%20f#é';
      const error = await errorOf(sample().getTea({ params: { id } }, asker));
      equal(error.message, `There is no tea ${id}.`);
      const list = await sample().listTeas({ query: { limit: 2, organic: true, tag: ['a b', 'c&d'] } }, asker);
      equal(list.items.length, 2);
    });

    test('brings back a refusal with its code', async () => {
      deepEqual(await errorOf(sample().getPrice({ body: { sku: 'gone' } }, asker)), {
        kind: 'refusal',
        code: 'tea.not-found',
        message: 'There is no such tea.',
        errors: undefined,
        retryAfterS: undefined,
      });
    });

    test('brings back a fault with when to come again', async () => {
      const error = await errorOf(sample().getPrice({ body: { sku: 'away' } }, asker));
      deepEqual([error.kind, error.code, error.retryAfterS], ['fault', 'tea.away', 3]);
    });

    for (const sku of ['broken', 'foreign']) {
      test(`tells nothing of the inside of a failure (${sku})`, async () => {
        const error = await errorOf(sample().getPrice({ body: { sku } }, asker));
        deepEqual([error.kind, error.code], ['fault', 'internal']);
        equal(/secret|somebody/.test(error.message), false);
      });
    }

    test('with a wrong shape is refused, naming the place', async () => {
      const error = await errorOf(sample().getPrice({ body: { sku: 7, more: true } as never }, asker));
      equal(error.code, 'request.invalid');
      deepEqual(new Set(error.errors?.map(({ path }) => path)), new Set(['/sku', '/more']));
      const nul = await errorOf(sample().getPrice({ body: { sku: 'a\0b' } }, asker));
      equal(nul.code, 'request.invalid');
      const empty = await errorOf(sample().getTea({ params: { id: '' } }, asker));
      deepEqual(
        empty.errors?.map(({ path }) => path),
        ['/params/id'],
      );
    });

    test('hands over copies', async () => {
      const nested = { when: new Date(0), skip: undefined, list: [undefined] };
      const answer = await sample().placeOrder(
        { body: { items: [{ sku: 'A', quantity: 1 }], ...({ note: 'x' } as object) } },
        { ...asker, idempotencyKey: 'k' },
      );
      deepEqual(answer.body, { items: [{ sku: 'A', quantity: 1 }], note: 'x' });
      witness.bodies.length = 0;
      equal(Object.hasOwn(await sample().getPrice({ body: { sku: 'A', nested } }, asker), 'when'), false);
      deepEqual(witness.bodies, [{ sku: 'A', nested: { when: '1970-01-01T00:00:00.000Z', list: [null] } }]);
    });

    test('carries the idempotency key, and gives the same fingerprint through every door', async () => {
      const call = { body: { items: [{ sku: 'A', quantity: 1 }] } };
      const answer = await sample().placeOrder(call, { ...asker, idempotencyKey: 'k1' });
      equal(answer.key, 'k1');
      equal(answer.fingerprint, fingerprintOf({ params: {}, query: {}, body: call.body }));
      equal((await errorOf(sample().placeOrder(call, asker))).code, 'idempotency.key-required');
    });

    test("ends at the operation's limit", async () => {
      const error = await errorOf(sample().steep({ body: { how: 'long' } }, asker));
      deepEqual([error.kind, error.code], ['fault', 'service.deadline-exceeded']);
    });

    test('takes the deadline along', async () => {
      witness.deadlines.length = 0;
      const deadlineMs = Date.now() + 700;
      await sample().getPrice({ body: { sku: 'A' } }, { cause, deadlineMs });
      ok(Math.abs((witness.deadlines[0] ?? 0) - deadlineMs) < 100);
      const late = await errorOf(sample().getPrice({ body: { sku: 'A' } }, { cause, deadlineMs: Date.now() - 1 }));
      equal(late.code, 'service.deadline-exceeded');
    });

    test('takes it on to the next service, so that nobody works for an answer that is waited for no longer', async () => {
      const tasting = await hostTasting(door);
      witness.deadlines.length = 0;
      const deadlineMs = Date.now() + 1_000;
      await tasting.client.taste({ body: { sku: 'A' } }, { cause, deadlineMs });
      const [seen = 0] = witness.deadlines;
      // A duration travels, so over a socket the way there is added to it.
      ok(Math.abs(seen - deadlineMs) < 100, `${seen - deadlineMs} ms after the caller's`);
      await tasting.close();
    });
  });
}

test('a service that cannot be reached is unavailable, one that does not speak JSON a bad gateway', async () => {
  const nowhere = createClients({
    caller: 'order',
    local: new Map(),
    remote: await placesOf({ sample: ['http://127.0.0.1:1'] }),
  });
  const error = await errorOf(nowhere.client(sampleContract).listTeas({}, asker));
  deepEqual([error.kind, error.code], ['fault', 'service.unavailable']);
  await nowhere.close();
  const none = createClients({ caller: 'order', local: new Map() });
  equal((await errorOf(none.client(sampleContract).listTeas({}, asker))).code, 'service.unavailable');
});
