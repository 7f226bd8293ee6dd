// limit: 300 s
// load: half
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { TestShop, until } from '../shop.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { Crowd, stockShelves } from './crowd.ts';

const ordersMax = 500;
const killsMax = 8;
const sagasLiveMin = 20;
const endsWithinMs = 30_000;

describe('a shop whose PostgreSQL is killed again and again', () => {
  let shop: TestShop;
  let crowd: Crowd;
  after(async () => {
    crowd?.leave();
    await shop?.close();
  });

  it('brings it back by itself, loses no order, invents none, and keeps stock and money right', async () => {
    shop = await TestShop.open({ environment: { STOA_LOG_LEVEL: 'silent' } });
    const received = await stockShelves(shop);
    crowd = new Crowd(shop, { ordersMax, customers: 32 });
    const backAfterMs: number[] = [];
    let pid = 0;
    for (let kills = 0; kills < killsMax; kills++) {
      crowd.allow(ordersMax / killsMax);
      await until(
        () => shop.backlog(),
        ({ sagasLive }) => sagasLive >= sagasLiveMin,
      );
      await sleep(Math.random() * 300);
      crowd.check();
      const server = await startEmbeddedPostgres({ dataDir: shop.dataDir });
      assert.notEqual(server.pid, pid, 'it is another server than the one that was killed');
      pid = server.pid;
      process.kill(pid, 'SIGKILL');
      const killedMs = performance.now();
      await until(
        () => shop.asAdmin('GET', '/api/v1/ops/backlog', { timeoutMs: 2_000 }).catch(() => ({ status: 0, body: {} })),
        ({ status, body }) =>
          status === 200 && (body as { partial: unknown[] }).partial.length === 0 && performance.now() - killedMs > 300,
        30_000,
      );
      backAfterMs.push(Math.round(performance.now() - killedMs));
    }
    await crowd.served();
    const servedMs = performance.now();
    await shop.sagasEnded(endsWithinMs);
    console.log(JSON.stringify({ backAfterMs, endedAfterMs: performance.now() - servedMs }));
    await shop.settled();
    assert.ok(shop.isRunning, 'the shop itself has not ended');
    assert.equal(crowd.acknowledged.size, ordersMax);
    await accountFor(shop, [...crowd.acknowledged.values()], received);
    await invariantsHold(shop);
    await verified(shop, [...crowd.acknowledged.values()]);
  });
});
