import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { defineEffect } from '../effect/index.ts';
import { fault } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import { anyone, contract, nobodyWaits, operation, strict, Type } from '../schema/index.ts';
import { Database } from '../sql/index.ts';
import { testDatabase } from '../testing/index.ts';
import { defineService, run } from './index.ts';

it('a service whose effect outside does not come back stops by its deadline, and hands its lease back', async () => {
  const server = await testDatabase('stop');
  let begun = (): void => undefined;
  const performing = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const hang = defineEffect<object, null, never>({
    name: 'hang',
    concurrency: 1,
    timeoutMs: 7_000,
    attemptsMax: 3,
    retryDelayMs: 100,
    perform() {
      begun();
      return new Promise(() => undefined);
    },
    async complete() {},
    async giveUp() {},
  });
  const thing = defineService<never>({
    name: 'thing',
    contract: contract({ service: 'thing', operations: {}, events: {}, commands: {}, errors: {} }),
    effects: [hang],
  });
  const other = new Database({ url: server.url, name: 'witness', connectionsMax: 1 });
  try {
    const log = pino({ level: 'silent' });
    const running = await run([thing], { environment: {}, log, version: '1', databaseUrl: async () => server.url });
    const service = running.services.get('thing')?.service;
    assert.ok(service);
    await service.db.transaction(async (tx) =>
      service.perform(tx, { effect: 'hang', id: newId(), payload: {}, cause: { correlationId: 'test' } }),
    );
    await performing;
    const stopped = running.stop(Date.now() + 3_000).then(() => 'stopped');
    assert.equal(await Promise.race([stopped, sleep(6_000, 'hangs', { ref: false })]), 'stopped');
    assert.deepEqual(await other.query('select name from kit.lease', []), []);
  } finally {
    await other.close();
    await server.drop();
  }
});

it('a service that stops tries no call again', async () => {
  const server = await testDatabase('stop_calls');
  const answer = strict({});
  const getTea = operation({ method: 'GET', path: '/teas', summary: 'Tea', access: anyone, answer });
  const teaContract = contract({ service: 'tea', operations: { getTea }, events: {}, commands: {}, errors: {} });
  let calls = 0;
  let asked = (): void => undefined;
  const askedOnce = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let fail = (): void => undefined;
  const failing = new Promise<void>((resolve) => {
    fail = resolve;
  });
  const tea = defineService<never>({
    name: 'tea',
    contract: teaContract,
    routes: {
      async getTea() {
        calls += 1;
        asked();
        await failing;
        throw fault('service.unavailable', 'Not now.', { retryAfterS: 1 });
      },
    },
  });
  try {
    const log = pino({ level: 'silent' });
    const running = await run([tea], { environment: {}, log, version: '1', databaseUrl: async () => server.url });
    const call = running.services
      .get('tea')
      ?.service.client(teaContract)
      .getTea({}, { cause: { correlationId: 'c' }, deadlineMs: nobodyWaits });
    const failed = assert.rejects(call ?? Promise.resolve(), /Not now/);
    await askedOnce;
    const stopped = running.stop(Date.now() + 3_000);
    fail();
    await failed;
    assert.equal(calls, 1);
    await stopped;
  } finally {
    await server.drop();
  }
});

it('a service that stops answers what it has begun with the help of another one in its process', async () => {
  const servers = await Promise.all([testDatabase('stop_asks'), testDatabase('stop_helps')]);
  const [asks, helps] = servers;
  const answer = strict({ n: Type.Integer() });
  const getNumber = operation({ method: 'GET', path: '/n', summary: 'A number', access: anyone, answer });
  const contractOf = (service: string) =>
    contract({ service, operations: { getNumber }, events: {}, commands: {}, errors: {} });
  const asked = Promise.withResolvers<void>();
  const goesOn = Promise.withResolvers<void>();
  const definitions = [
    defineService<never>({
      name: 'asks',
      contract: contractOf('asks'),
      routes: {
        async getNumber({ cause }, service) {
          asked.resolve();
          await goesOn.promise;
          return { body: await service.client(contractOf('helps')).getNumber({}, { cause, deadlineMs: nobodyWaits }) };
        },
      },
    }),
    defineService<never>({
      name: 'helps',
      contract: contractOf('helps'),
      routes: {
        getNumber: async (_, { db }) => ({ body: (await db.query<{ n: number }>('select 1 as n', []))[0] }) as never,
      },
    }),
  ];
  try {
    const log = pino({ level: 'silent' });
    const databaseUrl = async (name: string) => (name === 'asks' ? asks : helps).url;
    const running = await run(definitions, { environment: {}, log, version: '1', databaseUrl });
    const { url } = (await running.services.get('asks')?.http.listen({ host: '127.0.0.1', port: 0 })) ?? {};
    const answered = fetch(`${url}/n`).then((response) => response.json());
    await asked.promise;
    const stopped = running.stop(Date.now() + 10_000);
    // The other has nothing to do, and would be gone by then.
    await sleep(500);
    goesOn.resolve();
    assert.deepEqual(await answered, { n: 1 });
    await stopped;
  } finally {
    await Promise.all(servers.map((server) => server.drop()));
  }
});
