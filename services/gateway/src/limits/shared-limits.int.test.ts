// needs: redis
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openRedis, type SharedRedis } from '@stoa/platform/cache';
import { anonymous } from '@stoa/platform/schema';
import { type RedisServer, startRedisServer } from '@stoa/platform/testing';
import { pino } from 'pino';
import { createLimits, type Limits } from './limits.ts';

const log = pino({ level: 'silent' });
const settings = { caller: 1000, anonymous: 300, auth: 20, key: 10_000 };
const address = '192.0.2.1';
let server: RedisServer;
let redis: SharedRedis[];
let gateways: Limits[];

before(async () => {
  server = await startRedisServer();
});
after(() => server.stop());
beforeEach(async () => {
  await open({ answerMs: 2_000 });
});
afterEach(async () => {
  await close();
  await server.send('FLUSHALL');
});

/** Two gateways. On a busy machine an answer may take its time where time is not what is tested. */
async function open(options: { answerMs?: number } = {}): Promise<void> {
  redis = await Promise.all([openRedis(server.url, { log, ...options }), openRedis(server.url, { log, ...options })]);
  gateways = redis.map(({ counters }) => createLimits(settings, () => Date.now(), counters));
}

async function close(): Promise<void> {
  await Promise.all(gateways.map((limits) => limits.close()));
  await Promise.all(redis.map((one) => one.close()));
}

const gateway = (at: number) => gateways[at % gateways.length] as Limits;
const request = (at: number) => gateway(at).request(anonymous, address, false);

/** Polls until `ready` holds, for at most five seconds. */
async function until(ready: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = Date.now() + 5_000; Date.now() < endMs; await pause(10)) if (await ready()) return;
  assert.fail(`not within 5 s: ${what}`);
}

/** How many of a gateway's next requests it lets through before it refuses one, with time for it to hear of the others' after each. */
async function letThrough(at: number, pauseMs: number): Promise<number> {
  for (let count = 0; ; count++) {
    if (request(at).exceeded) return count;
    await pause(pauseMs);
  }
}

test('sign-ins by two gateways have one quota, exactly, however they come', async () => {
  const taken = await Promise.all(Array.from({ length: 60 }, async (_, at) => gateway(at).authAddress(address)));
  assert.equal(taken.filter(({ exceeded }) => !exceeded).length, 20);
  const last = await gateway(0).authAddress(address);
  assert.deepEqual([last.policy.name, last.remaining, last.exceeded], ['auth', 0, true]);
  assert.ok(last.resetS > 50 && last.resetS <= 60, `${last.resetS} s`);
  const accounts = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => gateway(at).authAccount('a@b.example')),
  );
  assert.equal(accounts.filter(({ exceeded }) => !exceeded).length, 20);
});

test('other requests are refused by every gateway once they have heard of each other', async () => {
  for (let at = 0; at < 280; at++) request(0);
  await until(() => request(1).remaining < 30, 'the second hears of the first');
  await until(() => request(1).exceeded, 'the quota is used up');
  await until(() => request(0).exceeded, 'the first hears of it');
});

test('a burst at both within the time they need to hear of each other takes two quotas and no more', async () => {
  let through = 0;
  for (let at = 0; at < 1_000; at++) if (!request(at).exceeded) through++;
  assert.equal(through, 600);
  await until(() => request(0).exceeded && request(1).exceeded, 'both refuse');
});

test('when Redis is emptied, what the gateways know comes back', async () => {
  for (let at = 0; at < 19; at++) await gateway(0).authAddress(address);
  await server.send('FLUSHALL');
  assert.equal((await gateway(0).authAddress(address)).exceeded, false);
  assert.equal((await gateway(1).authAddress(address)).exceeded, true);
});

test('each counts alone at once while Redis is dead, from where they stood, and together when it is back', async () => {
  for (let at = 0; at < 15; at++) await gateway(0).authAddress(address);
  await server.kill();
  const startedMs = performance.now();
  const taken = await Promise.all(Array.from({ length: 10 }, async () => gateway(0).authAddress(address)));
  assert.ok(performance.now() - startedMs < 400, `${performance.now() - startedMs} ms`);
  assert.equal(taken.filter(({ exceeded }) => !exceeded).length, 5);
  await server.start();
  await until(async () => (await gateway(1).authAddress(address)).exceeded, 'the second learns of the first');
});

test('requests counted while Redis is dead are told when it is back', async () => {
  await server.kill();
  for (let at = 0; at < 290; at++) request(0);
  await pause(150);
  await server.start();
  await until(() => redis.every(({ state }) => state === 'up'), 'both use it again');
  assert.ok((await letThrough(1, 20)) < 40);
});

test('a Redis that hangs delays a sign-in by its bound, and other requests not at all', async () => {
  await close();
  await open();
  await server.hang();
  try {
    const startedMs = performance.now();
    assert.equal((await gateway(0).authAddress(address)).exceeded, false);
    assert.ok(performance.now() - startedMs < 400, `${performance.now() - startedMs} ms`);
    const againMs = performance.now();
    await gateway(0).authAddress(address);
    for (let at = 0; at < 1_000; at++) request(0);
    assert.ok(performance.now() - againMs < 50, `${performance.now() - againMs} ms`);
  } finally {
    server.resume();
  }
});
