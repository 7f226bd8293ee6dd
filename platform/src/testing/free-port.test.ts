import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { freePort } from './free-port.ts';

const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));

describe('a free port', () => {
  it('is given once', () => {
    assert.equal(new Set(ports).size, ports.length);
  });

  it('is none that the system gives to a connection', {
    skip: process.platform !== 'linux' && 'asks Linux',
  }, async () => {
    const [least] = (await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')).split(/\s+/);
    assert.ok(Math.max(...ports) < Number(least), `${Math.max(...ports)} < ${least}`);
  });

  it('is free', async () => {
    for (const port of ports.slice(0, 20)) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(port, '127.0.0.1', resolve);
      });
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
