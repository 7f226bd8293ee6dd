import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import { createLog } from '@stoa/platform/telemetry';
import { newDataDir } from '@stoa/platform/testing';
import { openShop, seedDemo } from '../main.ts';
import { demoCategories, demoProducts } from './catalogue.ts';

const admin = { email: 'admin@shop.example', password: 'correct horse battery' };
/** An address of this machine that `localhost` is not. */
const host = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';
const log = createLog({ level: 'silent' });

describe('the demo of a shop', () => {
  let dataDir: string;
  let shop: Awaited<ReturnType<typeof openShop>>;
  const open = (demo: boolean, password: string) =>
    openShop({
      demo,
      environment: {
        STOA_HOST: host,
        PORT: '0',
        STOA_METRICS_PORT: '0',
        STOA_DATA_DIR: dataDir,
        STOA_LOG_LEVEL: 'silent',
        STOA_ADMIN_EMAIL: admin.email,
        STOA_ADMIN_PASSWORD: password,
      },
    });
  before(async () => {
    dataDir = await newDataDir('stoa-seed-');
    shop = await open(false, admin.password);
  });
  after(async () => {
    await shop.stop();
    await stopEmbeddedPostgres(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });

  it('is completed by the next start, wherever the first was cut off, and then left alone', async () => {
    // Signing in is the first, so: after the first category; before the first product; among products and their stock.
    for (const letThrough of [2, 1 + demoCategories.length, 12, 60]) {
      const cut = await cutAfter(shop.url, letThrough);
      await assert.rejects(seedDemo({ url: cut.url, admin, log }));
      cut.close();
    }
    assert.equal(await seedDemo({ url: shop.url, admin, log }), true);
    const { items } = await ask('GET', '/api/v1/products?limit=100');
    assert.equal(items.length, demoProducts.length);
    for (const { sku, stock } of demoProducts.flatMap(({ variants }) => variants))
      assert.equal((await ask('GET', `/api/v1/inventory/${sku}`)).available, stock, sku);
    assert.equal(await seedDemo({ url: shop.url, admin, log }), false);
  });

  it('goes on answering when a second start in its folder fails', async () => {
    const startedAt = () =>
      shop.running.services.get('order')?.service.db.query('select pg_postmaster_start_time() as at', []);
    const before = await startedAt();
    const port = new URL(shop.url).port;
    const environment = {
      STOA_HOST: host,
      PORT: port,
      STOA_METRICS_PORT: '0',
      STOA_DATA_DIR: dataDir,
      STOA_LOG_LEVEL: 'silent',
    };
    await assert.rejects(openShop({ demo: false, environment }), new RegExp(port));
    assert.deepEqual(await startedAt(), before);
    assert.equal((await fetch(`${shop.url}/health/ready`)).status, 200);
  });

  it('that cannot be made, for its admin has another password by now, keeps no shop from opening', async () => {
    await shop.stop();
    shop = await open(true, 'another correct horse');
    assert.equal((await fetch(`${shop.url}/health/ready`)).status, 200);
  });

  async function ask(method: string, path: string) {
    const answer = await fetch(shop.url + path, { method });
    return (await answer.json()) as { items: unknown[]; available: number };
  }
});

/** A way to the shop that breaks off, as the death of either side would, once so many requests that change something have been answered. */
async function cutAfter(url: string, posts: number): Promise<{ url: string; close(): void }> {
  let left = posts;
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === 'POST' && left-- <= 0) return void server.closeAllConnections();
    const { method, headers } = incoming;
    const onward = request(url + incoming.url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
