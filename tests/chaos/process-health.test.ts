// needs: rabbitmq redis consul
// limit: 300 s
// load: half
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort, type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { FleetProcess } from '../fleet/fleet-process.ts';
import { makeCertificates } from '../fleet/make-certificates.ts';
import { overTcp } from '../fleet/over-tcp.ts';
import { type RealServers, startRealServers } from '../fleet/real-servers.ts';
import { openTcpProxy, type TcpProxy } from '../fleet/tcp-proxy.ts';
import { until } from '../shop.ts';

interface Part {
  readonly name: string;
  readonly state: string;
  readonly latencyMs: number;
  readonly reason?: string;
}

/** Consul looks, and is told, every two seconds; a process that says nothing for five drops out. The rest is for a machine that has other things to do. */
const noticedMsMax = 15_000;

describe('a process of a fleet whose members show each other certificates', () => {
  let folder: string;
  let servers: RealServers;
  let database: TestDatabase;
  let line: TcpProxy;
  let payment: FleetProcess;
  let probes: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stoa-health-'));
    await makeCertificates(folder);
    [servers, database] = await Promise.all([startRealServers(), testDatabase('process health')]);
    const url = new URL(overTcp(database.url));
    line = await openTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${line.port}`;
    const [port, probesPort] = [await freePort(), await freePort()];
    probes = `http://127.0.0.1:${probesPort}`;
    payment = new FleetProcess({
      services: ['payment'],
      replica: 0,
      port,
      environment: {
        PATH: process.env.PATH ?? '',
        NODE_COMPILE_CACHE: join(tmpdir(), 'stoa-test-compiled'),
        STOA_DATA_DIR: folder,
        STOA_LOG_LEVEL: 'error',
        STOA_METRICS_PORT: String(probesPort),
        STOA_PAYMENT_PORT: String(port),
        STOA_PAYMENT_DATABASE_URL: url.href,
        STOA_TLS_DIR: join(folder, 'payment'),
        STOA_DRAIN_GRACE: '5s',
        ...servers.environment,
      },
    });
    await payment.start();
  });
  after(async () => {
    await payment?.end('SIGKILL');
    await line?.close();
    await Promise.all([servers?.stop(), database?.drop()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function ask<B>(path: string): Promise<{ status: number; body: B }> {
    const answer = await fetch(`${probes}${path}`, { signal: AbortSignal.timeout(10_000) });
    return { status: answer.status, body: (await answer.json()) as B };
  }
  const readiness = () => ask<{ status: string; reasons: string[] }>('/health/ready');
  const liveness = async () => (await ask('/health/live')).status;
  const parts = async () => {
    const { body } = await ask<{ services: Part[] }>('/health');
    return Object.fromEntries(body.services.map((part) => [part.name, part])) as Record<string, Part | undefined>;
  };
  /** How many instances Consul hands out. */
  const handedOut = async () =>
    ((await servers.consul.ask('/v1/health/service/stoa-payment?passing=1')) as unknown[]).length;
  const isHandedOut = (wanted: number) => until(handedOut, (count) => count === wanted, noticedMsMax);

  it('says how long each thing that it needs takes to answer', async () => {
    await isHandedOut(1);
    const seen = await parts();
    assert.deepEqual(Object.keys(seen).sort(), [
      'broker',
      'certificate',
      'discovery',
      'payment',
      'payment postgresql',
      'redis',
    ]);
    // Nobody else is there, so of the others none is found.
    for (const part of Object.values(seen))
      assert.equal(part?.state, part?.name === 'discovery' ? 'degraded' : 'up', JSON.stringify(part));
    for (const name of ['broker', 'discovery', 'payment', 'payment postgresql', 'redis'])
      assert.ok((seen[name]?.latencyMs ?? 0) > 0, `${name}: ${JSON.stringify(seen[name])}`);
  });

  for (const [what, spoil] of [
    ['has gone away', () => line.cut()],
    ['does not answer', () => line.blackhole()],
  ] as const) {
    it(`lives, is not ready and is not handed out while its database ${what}, and is again afterwards`, async () => {
      spoil();
      try {
        const { body } = await until(readiness, ({ status }) => status === 503, noticedMsMax);
        assert.equal(body.status, 'not-ready');
        assert.match(body.reasons.join('; '), /^payment: its database cannot be reached; payment postgresql: it \w+/);
        assert.equal(await liveness(), 200);
        const { state, reason = '', latencyMs = 0 } = (await parts())['payment postgresql'] ?? {};
        assert.equal(state, 'down');
        assert.match(reason, /cannot be reached \(\w+\)|does not answer within 1000 ms/);
        assert.ok(latencyMs > 0 && latencyMs < 3_000, `${latencyMs} ms`);
        await isHandedOut(0);
      } finally {
        line.pass();
      }
      await until(readiness, ({ status }) => status === 200, noticedMsMax);
      await isHandedOut(1);
    });
  }

  it('is not handed out while it stands still, and is again when it goes on', async () => {
    payment.signal('SIGSTOP');
    await until(
      async () => payment.state,
      (state) => state === 'T',
      5_000,
    );
    await isHandedOut(0);
    payment.signal('SIGCONT');
    await isHandedOut(1);
  });

  it('is ready and degraded while Redis hangs, and says so in time', async () => {
    await servers.redis.hang();
    try {
      const seen = await until(parts, (all) => all.redis?.state === 'degraded', noticedMsMax);
      assert.ok(seen.redis?.reason);
      assert.equal((await readiness()).status, 200);
    } finally {
      servers.redis.resume();
    }
    await until(parts, (all) => all.redis?.state === 'up', noticedMsMax);
  });

  it('lives, is not ready and is not listed while it drains', async () => {
    const ended = payment.end('SIGTERM');
    const { body } = await until(readiness, ({ status }) => status === 503, noticedMsMax);
    assert.match(body.reasons[0] ?? '', /^draining$/);
    assert.equal(await liveness(), 200);
    const ids = async () => Object.keys((await servers.consul.ask('/v1/agent/services')) as object);
    await until(ids, (listed) => !listed.some((id) => id.startsWith('stoa-payment-')), noticedMsMax);
    assert.ok(payment.isRunning, 'it has taken itself out of the list before it ended');
    await ended;
    assert.equal(payment.endedBy, '0', payment.output);
  });
});
