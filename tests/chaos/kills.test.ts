// limit: 540 s
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { newId } from '@stoa/platform/ids';
import { Database } from '@stoa/platform/sql';
import { TestShop, until } from '../shop.ts';
import { accountFor, invariantsHold, verified } from './account-for.ts';
import { Crowd, stockShelves } from './crowd.ts';
import { leaveHeld } from './leave-held.ts';
import { Provider, webhookSecret } from './provider.ts';

const ordersMax = 1_200;
const customers = 32;
const killsAtRandom = 20;
const sagasLiveMin = 20;
const ordersBetweenCrashes = 12;
const ordersBetweenKills = 40;
const endsWithinMs = 30_000;

/** Each with the passage at which the process dies: the first may come before the door opens, so later ones are asked for too. */
const crashPoints = [
  'idempotency.before-commit',
  'idempotency.before-answer',
  'relay.before-delivery',
  'relay.before-removal',
  'inbox.before-effect',
  'inbox.before-ack',
  'saga.before-command',
  'saga.before-state',
  'saga.before-local-step',
  'saga.mid-compensation',
  'reservation.before-commit',
  'shipment.before-commit',
  'projection.before-commit',
  'effect.payment-authorise.before',
  'effect.payment-authorise.after',
  'effect.payment-capture.before',
  'effect.payment-capture.after',
  'effect.payment-void.after',
  'effect.payment-refund.after',
  'effect.sandbox-webhook.after',
  'effect.send-mail.after',
  'webhook.before-commit',
  'webhook.before-answer',
  'sweep.before-release',
] as const;

describe('a shop that is killed again and again', () => {
  let shop: TestShop;
  let orders: Database;
  let inventory: Database;
  let payments: Database;
  let crowd: Crowd;
  const crashLog = join(tmpdir(), `stoa-crashes-${newId()}.log`);
  after(async () => {
    crowd?.leave();
    await orders?.close();
    await inventory?.close();
    await payments?.close();
    await shop?.close();
    await rm(crashLog, { force: true });
  });

  it('loses no order, invents none, and keeps stock and money right', async () => {
    const environment = {
      STOA_LOG_LEVEL: 'error',
      STOA_CRASH_LOG: crashLog,
      STOA_PAYMENT_WEBHOOK_SECRET: webhookSecret,
    };
    shop = await TestShop.open({ environment });
    orders = await openDatabase(shop, 'order');
    inventory = await openDatabase(shop, 'inventory');
    payments = await openDatabase(shop, 'payment');
    const provider = new Provider(shop, payments);
    const received = await stockShelves(shop);
    crowd = new Crowd(shop, { ordersMax, customers });
    const restartsMs: number[] = [];

    for (const [at, point] of crashPoints.entries()) {
      await shop.end('SIGKILL');
      if (point === 'sweep.before-release') await leaveHeld({ orders, inventory });
      // A shop that dies while it opens has died at the point as well.
      const opening = shop
        .start({ STOA_CRASH_AT: `${point}:${passageOf(point, at)}`, ...settingsOf(point) })
        .catch(() => undefined);
      crowd.allow(ordersBetweenCrashes);
      await opening;
      await diesByItself(shop, crowd, point, isOfWebhooks(point) ? () => provider.tell() : undefined);
      assert.deepEqual([shop.endedBy, await lastCrash(crashLog)], ['SIGKILL', point], shop.output);
      restartsMs.push(await shop.start());
      await provider.heard();
      console.log(`died at ${point}, back after ${Math.round(restartsMs.at(-1) ?? 0)} ms`);
    }

    for (let kills = 0, tries = 0; kills < killsAtRandom; tries++) {
      assert.ok(tries < 3 * killsAtRandom, 'the crowd keeps enough under way');
      crowd.allow(ordersBetweenKills);
      // The last one comes when every order has been acknowledged and many are still under way.
      if (kills === killsAtRandom - 1) await crowd.placed();
      await until(
        () => countLive(orders),
        (live) => live >= sagasLiveMin,
        5_000,
      ).catch(() => undefined);
      await sleep(Math.random() * 300);
      crowd.check();
      await shop.end('SIGKILL');
      const live = await countLive(orders);
      if (live >= sagasLiveMin) kills++;
      restartsMs.push(await shop.start());
      console.log(`killed with ${live} sagas live, back after ${Math.round(restartsMs.at(-1) ?? 0)} ms`);
    }
    const openedMs = performance.now();
    await crowd.served();
    await shop.sagasEnded(endsWithinMs);
    const endedAfterMs = performance.now() - openedMs;
    await shop.settled();
    console.log(
      JSON.stringify({
        restarts: restartsMs.length,
        medianRestartMs: median(restartsMs),
        slowestRestartMs: Math.max(...restartsMs),
        endedAfterMs,
      }),
    );
    assert.equal(crowd.acknowledged.size, ordersMax);
    assert.ok(endedAfterMs < endsWithinMs, `everything had ended ${Math.round(endedAfterMs)} ms after the last start`);
    await accountFor(shop, [...crowd.acknowledged.values()], received);
    await invariantsHold(shop);
    await verified(shop, [...crowd.acknowledged.values()]);
  });
});

/** The sweep comes by once at a start, and then only a minute later. */
function passageOf(point: string, at: number): number {
  return point === 'sweep.before-release' ? 1 : 1 + (at % 3);
}

/** Where a webhook over HTTP is to die, the sandbox must not have brought its own before. */
function settingsOf(point: string): Record<string, string> {
  return isOfWebhooks(point) ? { STOA_PAYMENT_SANDBOX_WEBHOOK_DELAY: '10s' } : {};
}

function isOfWebhooks(point: string): boolean {
  return point.startsWith('webhook.');
}

/** Lets customers in until the process has died at its point; `meanwhile` is done again and again. */
async function diesByItself(
  shop: TestShop,
  crowd: Crowd,
  point: string,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (let turn = 1; shop.isRunning; turn++) {
    await sleep(20);
    crowd.check();
    await meanwhile();
    if (turn % 100 === 0) crowd.allow(5);
    if (performance.now() > deadlineMs) throw new Error(`the process did not come to ${point}:\n${shop.output}`);
  }
}

async function lastCrash(file: string): Promise<string | undefined> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return lines.at(-1)?.replace('crash-point ', '');
}

/** A second pass over the database of a service, which a killed process leaves running. */
async function openDatabase(shop: TestShop, service: string): Promise<Database> {
  const server = await startEmbeddedPostgres({ dataDir: shop.dataDir });
  const url = new URL(server.adminUrl);
  url.pathname = `/${service}`;
  return new Database({ url: url.href, connectionsMax: 1, name: service });
}

async function countLive(orders: Database): Promise<number> {
  const [row] = await orders.query<{ live: number }>(
    `select count(*) as live from kit.saga where status in ('running', 'compensating')`,
    [],
  );
  return row?.live ?? 0;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
