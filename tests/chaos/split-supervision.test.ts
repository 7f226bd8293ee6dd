// limit: 300 s
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { freePort } from '@stoa/platform/testing';
import { serviceNames } from '@stoa/system';
import { TestShop, until } from '../shop.ts';

const inner = serviceNames.filter((service) => service !== 'gateway');
const titleOf = (service: string) => `stoa ${service}`;

describe('a split shop', () => {
  let shop: TestShop;
  let ports: Record<string, string>;

  before(async () => {
    ports = await ownPorts();
    shop = await TestShop.open({ placement: ['--split'], environment: { ...ports, STOA_LOG_LEVEL: 'error' } });
    await shop.stockUp('THING', 100);
  });
  after(() => shop?.close());

  /** The processes that the supervisor has started, by their titles. */
  async function children(): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const pid of await pidsOf(shop.pid)) found.set(await titleOfProcess(pid), pid);
    return found;
  }

  async function childOf(service: string): Promise<number> {
    const pid = (await children()).get(titleOf(service));
    assert.ok(pid, `${service} runs`);
    return pid;
  }

  async function orderIsConfirmed(): Promise<void> {
    const placed = await until(
      () => shop.place({ items: [{ sku: 'THING', quantity: 1 }] }).catch(() => undefined),
      (answer) => answer?.status === 202,
    );
    assert.ok(placed);
    await shop.orderWhen(placed.body.id, ({ status }) => status === 'confirmed');
  }

  it('gives each process its own database and tells it of no other', async () => {
    const running = await children();
    assert.deepEqual([...running.keys()].sort(), serviceNames.map(titleOf).sort());
    const users = new Set<string>();
    for (const service of serviceNames) {
      const entries = (await readFile(`/proc/${running.get(titleOf(service))}/environ`, 'utf8')).split('\0');
      const urls = entries.filter((entry) => /postgres(ql)?:/.test(entry) || entry.startsWith('PG'));
      const own = service === 'gateway' ? [] : [`STOA_${service.toUpperCase()}_DATABASE_URL`];
      assert.deepEqual(
        urls.map((entry) => entry.split('=', 1)[0]),
        own,
      );
      for (const entry of urls) {
        const { username, pathname } = new URL(entry.slice(entry.indexOf('=') + 1));
        assert.deepEqual([username, pathname], [service, `/${service}`]);
        users.add(username);
      }
    }
    assert.equal(users.size, inner.length);
  });

  for (const service of ['payment', 'gateway'])
    it(`starts ${service} again when it was killed, and orders go on`, async () => {
      const pid = await childOf(service);
      process.kill(pid, 'SIGKILL');
      const again = await until(
        async () => (await children()).get(titleOf(service)),
        (found) => found !== undefined && found !== pid,
      );
      assert.notEqual(again, pid);
      await orderIsConfirmed();
    });

  it('whose supervisor was killed is no hindrance to the next one, and leaves no process behind', async () => {
    const before = [...(await children()).values()];
    assert.equal(before.length, serviceNames.length);
    await shop.end('SIGKILL');
    // On the same ports, at once.
    await shop.start();
    await orderIsConfirmed();
    await until(
      () => alive(before),
      (left) => left.length === 0,
    );
    assert.equal((await children()).size, serviceNames.length);
  });

  it('that is told to stop leaves no process and no PostgreSQL behind', async () => {
    // It runs already: this only finds out which process it is, and does not stay among those who use it.
    const found = await startEmbeddedPostgres({ dataDir: shop.dataDir });
    await found.leave();
    const postgres = found.pid;
    const pids = [...(await children()).values(), postgres];
    assert.equal((await alive(pids)).length, serviceNames.length + 1);
    await shop.end('SIGTERM');
    assert.deepEqual([shop.endedBy, await alive(pids)], ['0', []]);
  });

  describe('that cannot start', () => {
    let taken: Server;
    before(async () => {
      await shop.end('SIGTERM');
      taken = createServer();
      const isThere = new Promise<void>((resolve) => taken.once('listening', resolve));
      taken.listen(Number(ports.STOA_ORDER_PORT), '127.0.0.1');
      await isThere;
    });
    after(() => taken.close());

    /** It ends with what the process says that could not be started: one line, and its code. */
    function saysOnce(what: string, code: number, words: RegExp, settings: () => Record<string, string>): void {
      it(`says once that ${what}, and ends as that process does`, async () => {
        await assert.rejects(shop.start(settings()));
        const said = shop.output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
        assert.equal(said.length, 1, shop.output);
        assert.match(said[0] ?? '', words);
        assert.equal(shop.endedBy, String(code));
      });
    }
    saysOnce('a port is taken', 1, /^Port \d+ of 127\.0\.0\.1 is taken: end the program/, () => ({}));
    saysOnce(
      'a setting of one service is wrong',
      1,
      /^STOA_INTERNAL_HOST|^.* is not an address of this machine/,
      () => ({
        STOA_INTERNAL_HOST: '192.0.2.1',
      }),
    );
    saysOnce(
      'a server that all need cannot be reached',
      5,
      /^RabbitMQ at amqp:\/\/127\.0\.0\.1:1 cannot be reached/,
      () => ({
        STOA_TRANSPORT: 'amqp://guest:guest@127.0.0.1:1/',
      }),
    );
  });
});

/** Ports of the file's own, so that a second start is on those of the first. */
async function ownPorts(): Promise<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const service of serviceNames)
    settings[service === 'gateway' ? 'PORT' : `STOA_${service.toUpperCase()}_PORT`] = String(await freePort());
  return settings;
}

/** The processes of the shop that one has started; PostgreSQL is its child as well. */
async function pidsOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const kept = await Promise.all(
    pids.map(async (pid) => (await statOf(pid))?.parent === parent && (await titleOfProcess(pid)).startsWith('stoa ')),
  );
  return pids.filter((_, at) => kept[at]);
}

async function titleOfProcess(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')[0] ?? '';
}

/** Undefined when there is no such process, or only what nobody has asked the end of. */
async function statOf(pid: number): Promise<{ parent: number } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second word is the program's name in brackets, which may hold anything; state and parent follow it.
  const [state = 'X', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /^[A-WYa-z]$/.test(state) ? { parent: Number(parent) } : undefined;
}

/** Those that still run. */
async function alive(pids: readonly number[]): Promise<number[]> {
  const stats = await Promise.all(pids.map(statOf));
  return pids.filter((_, at) => stats[at] !== undefined);
}
