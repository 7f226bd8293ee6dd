import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newDataDir, testDatabase } from '@stoa/platform/testing';

const main = new URL('../main.ts', import.meta.url).pathname;

describe('stoa up', () => {
  it('drains to the end, however long it is to answer before', async () => {
    const folder = await newDataDir('stoa-up-');
    const database = await testDatabase('up');
    const child = spawn(process.execPath, [...process.execArgv, main, 'up', 'shipping'], {
      env: {
        PATH: process.env.PATH ?? '',
        STOA_DATA_DIR: folder,
        STOA_LOG_LEVEL: 'silent',
        STOA_METRICS_PORT: '0',
        STOA_SERVICE_SECRET: 'a secret of more than thirty-two characters',
        STOA_SHIPPING_PORT: '0',
        STOA_SHIPPING_DATABASE_URL: database.url,
        STOA_DRAIN_GRACE: '11s',
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const ended = once(child, 'exit');
      await Promise.race([once(child, 'message'), ended]);
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      child.kill('SIGKILL');
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('ends when its supervisor dies while it starts', async () => {
    const folder = await newDataDir('stoa-up-');
    // A database that takes connections and says nothing, so that the start goes on and on.
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined))).listen(
      0,
      '127.0.0.1',
    );
    await once(silent, 'listening');
    const asked = once(silent, 'connection');
    const { port } = silent.address() as AddressInfo;
    const child = spawn(process.execPath, [...process.execArgv, main, 'up', 'shipping'], {
      env: {
        PATH: process.env.PATH ?? '',
        STOA_DATA_DIR: folder,
        STOA_LOG_LEVEL: 'silent',
        STOA_METRICS_PORT: '0',
        STOA_SERVICE_SECRET: 'a secret of more than thirty-two characters',
        STOA_SHIPPING_PORT: '0',
        STOA_SHIPPING_DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`,
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const ended = once(child, 'exit').then(() => 'ended');
      await asked;
      child.disconnect();
      assert.equal(await Promise.race([ended, sleep(3_000, 'goes on', { ref: false })]), 'ended');
    } finally {
      child.kill('SIGKILL');
      for (const socket of sockets) socket.destroy();
      silent.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
