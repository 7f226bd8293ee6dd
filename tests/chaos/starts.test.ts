// limit: 300 s
// load: half
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@stoa/platform/ids';
import { TestShop, until } from '../shop.ts';

describe('a shop that died', () => {
  let shop: TestShop;
  const crashLog = join(tmpdir(), `stoa-crashes-${newId()}.log`);
  before(async () => {
    shop = await TestShop.open({ environment: { STOA_LOG_LEVEL: 'error', STOA_CRASH_LOG: crashLog } });
    await shop.stockUp('THING', 100);
  });
  after(async () => {
    await shop.close();
    await rm(crashLog, { force: true });
  });

  /** Starts the shop so that it dies at its next passage through the point, while the request is made. */
  async function dieAt(point: string, provoke: () => Promise<unknown>): Promise<void> {
    await shop.end('SIGKILL');
    await shop.start({ STOA_CRASH_AT: `${point}:1` }).catch(() => undefined);
    if (shop.isRunning) await provoke().catch(() => undefined);
    await until(
      async () => shop.isRunning,
      (running) => !running,
      20_000,
    );
    const log = await readFile(crashLog, 'utf8');
    assert.deepEqual([shop.endedBy, log.trim().split('\n').at(-1)], ['SIGKILL', `crash-point ${point}`]);
    await shop.start();
  }

  it('while a customer waited for the answer gives it to whoever asks again with the key, and places no second order', async () => {
    const key = newId();
    const order = { items: [{ sku: 'THING', quantity: 1 }], paymentToken: 'tok_slow', email: 'waiting@guest.example' };
    const waiting = shop.place(order, { key, waitS: 20 }).catch(() => undefined);
    await until(
      () => shop.expectAdmin<{ items: { email: string }[] }>(200, 'GET', '/api/v1/orders'),
      ({ items }) => items.some(({ email }) => email === order.email),
    );
    await shop.end('SIGKILL');
    assert.equal(await waiting, undefined);
    await shop.start();
    const answer = await until(
      () => shop.place(order, { key, waitS: 20 }),
      ({ status }) => status !== 409,
      15_000,
    );
    assert.equal(answer.status, 201, answer.text);
    const replayed = await shop.place(order, { key, waitS: 20 });
    assert.equal(replayed.text, answer.text);
    const { items } = await shop.expectAdmin<{ items: { email: string }[] }>(200, 'GET', '/api/v1/orders');
    assert.equal(items.filter(({ email }) => email === order.email).length, 1);
  });

  it('while a refresh token was exchanged gives its customer the successor after all', async () => {
    const credentials = { email: `${newId()}@customer.example`, password: 'a long enough password' };
    const { refreshToken } = await shop.expect<{ refreshToken: string }>(201, 'POST', '/api/v1/auth/register', {
      body: { ...credentials, name: 'A Customer' },
    });
    await dieAt('token.before-rotation', () => shop.ask('POST', '/api/v1/auth/refresh', { body: { refreshToken } }));
    const exchanged = await shop.expect<{ refreshToken: string }>(200, 'POST', '/api/v1/auth/refresh', {
      body: { refreshToken },
    });
    assert.notEqual(exchanged.refreshToken, refreshToken);
    await shop.expect(200, 'POST', '/api/v1/auth/refresh', { body: { refreshToken: exchanged.refreshToken } });
  });

  it('while its schema was made makes it at the next start', async () => {
    const young = await TestShop.open({
      crashAtFirst: 'migration.before-commit:3',
      environment: { STOA_CRASH_LOG: crashLog },
    });
    try {
      assert.match(await readFile(crashLog, 'utf8'), /crash-point migration\.before-commit\n$/);
      await young.stockUp('NEW', 1);
      const { body } = await young.place({ items: [{ sku: 'NEW', quantity: 1 }] }, { waitS: 20 });
      assert.equal(body.status, 'confirmed');
    } finally {
      await young.close();
    }
  });

  it('while it put the demo into the empty shop completes it at the next start', async () => {
    const young = await TestShop.open({
      crashAtFirst: 'idempotency.before-answer:3',
      environment: { STOA_CRASH_LOG: crashLog, STOA_DEMO: '1' },
    });
    try {
      assert.match(await readFile(crashLog, 'utf8'), /crash-point idempotency\.before-answer\n$/);
      const { items } = await young.expect<{ items: unknown[] }>(200, 'GET', '/api/v1/products?limit=100');
      assert.equal(items.length, 70);
      assert.equal((await young.stock('PICNIC')).available, 28);
    } finally {
      await young.close();
    }
  });

  it('is open again soon, and stops within ten seconds when it is told to', async () => {
    const restartMs: number[] = [];
    for (let round = 0; round < 3; round++) {
      await shop.end('SIGKILL');
      restartMs.push(Math.round(await shop.start()));
    }
    const placing = Promise.all(
      Array.from({ length: 20 }, () => shop.place({ items: [{ sku: 'THING', quantity: 1 }] }).catch(() => undefined)),
    );
    await sleep(20);
    const toldMs = performance.now();
    await shop.end('SIGTERM');
    const stoppedMs = Math.round(performance.now() - toldMs);
    await placing;
    console.log(JSON.stringify({ restartMs, stoppedMs }));
    assert.ok(stoppedMs < 10_000, `it stopped after ${stoppedMs} ms`);
    assert.equal(shop.endedBy, '0');
    await shop.start();
    await shop.settled();
  });
});
