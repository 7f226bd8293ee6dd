// needs: redis
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { findAppError } from '../errors/index.ts';
import { type RedisServer, startRedisServer } from '../testing/index.ts';
import { openRedis, type SharedRedis } from './index.ts';

const log = pino({ level: 'silent' });
let server: RedisServer;
let one: SharedRedis;
let other: SharedRedis;

before(async () => {
  server = await startRedisServer();
});
after(() => server.stop());
beforeEach(async () => {
  await server.send('FLUSHALL');
  await open({ answerMs: 2_000 });
});
afterEach(() => close());

/** Opens it twice, as two processes would. On a busy machine an answer may take its time where time is not what is tested. */
async function open(options: { answerMs?: number } = {}): Promise<void> {
  [one, other] = await Promise.all([
    openRedis(server.url, { log, ...options }),
    openRedis(server.url, { log, ...options }),
  ]);
}

async function close(): Promise<void> {
  await Promise.all([one.close(), other.close()]);
}

/** Polls until `ready` holds, for at most five seconds. */
async function until(ready: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = Date.now() + 5_000; Date.now() < endMs; await pause(5)) if (await ready()) return;
  assert.fail(`not within 5 s: ${what}`);
}

/** Loads that end when they are told to. */
function slowLoad() {
  const begun: ((value: string) => void)[] = [];
  return { begun, load: () => new Promise<string>((resolve) => begun.push(resolve)) };
}

const read = (redis: SharedRedis, load: () => Promise<string>) => redis.cache.read('a', { ttlMs: 5_000, load });
const says = (value: string) => async () => value;
const never = () => assert.fail('loaded though it is kept');

describe('the cache', () => {
  test('two hundred readers in two processes wait for one load', async () => {
    let loads = 0;
    const load = async () => {
      loads++;
      await pause(50);
      return 'loaded';
    };
    const readers = Array.from({ length: 200 }, (_, at) => read(at % 2 === 0 ? one : other, load));
    assert.deepEqual([[...new Set(await Promise.all(readers))], loads], [['loaded'], 1]);
  });

  test('what one process has loaded the other is given, and nobody once it is forgotten', async () => {
    await read(one, says('old'));
    await until(async () => (await read(other, says('mine'))) === 'old', 'the value is there for others');
    await other.cache.forget(['a']);
    assert.equal(await read(one, says('new')), 'new');
  });

  test('a value shows for a second at the most, whatever is lost', async () => {
    const startedMs = performance.now();
    await read(one, says('old'));
    await until(async () => (await read(other, says('new'))) === 'new', 'the value ends by itself');
    assert.ok(performance.now() - startedMs < 1_500, `${performance.now() - startedMs} ms`);
  });

  test('what is forgotten while it is loaded is not kept, and nobody who asks later is given it', async () => {
    const { begun, load } = slowLoad();
    const before = read(one, load);
    await until(() => begun.length === 1, 'the load has begun');
    await other.cache.forget(['a']);
    assert.equal(await read(one, says('new')), 'new');
    begun[0]?.('old');
    assert.equal(await before, 'old');
    assert.equal(await read(other, never), 'new');
  });

  test('many keys are read at once, and each is loaded by whoever asked for it first', async () => {
    const asked: string[][] = [];
    const load = async (keys: readonly string[]) => {
      asked.push([...keys]);
      await until(() => asked.length === 2, 'the second load has begun');
      return new Map(keys.filter((key) => key !== 'nobody').map((key) => [key, { of: key }]));
    };
    const keys = Array.from({ length: 2_500 }, (_, at) => `k${at}`);
    const [all, some] = await Promise.all([
      one.cache.readMany(keys, { ttlMs: 5_000, load }),
      until(() => asked.length === 1, 'the first load has begun').then(() =>
        other.cache.readMany(['k1', 'k2499', 'x', 'nobody'], { ttlMs: 5_000, load }),
      ),
    ]);
    assert.deepEqual([all.size, all.get('k7'), some.get('k2499')], [2_500, { of: 'k7' }, { of: 'k2499' }]);
    assert.deepEqual(
      [[...some.keys()].sort(), asked[1]],
      [
        ['k1', 'k2499', 'x'],
        ['x', 'nobody'],
      ],
    );
  });

  for (const loadMs of [400, 800]) {
    test(`two hundred readers in two processes wait for one load though it takes ${loadMs} ms`, async () => {
      let loads = 0;
      const load = async () => {
        loads++;
        await pause(loadMs);
        return 'loaded';
      };
      const readers = Array.from({ length: 200 }, (_, at) => read(at % 2 === 0 ? one : other, load));
      assert.deepEqual([...new Set(await Promise.all(readers))], ['loaded']);
      // A second one when this process was kept from renewing the lease.
      assert.ok(loads <= 2, `${loads} loads`);
    });
  }

  test('a load that takes longer than a copy may live is made once a process', async () => {
    let loads = 0;
    const load = async () => {
      loads++;
      await pause(1_500);
      return 'loaded';
    };
    const startedMs = performance.now();
    const readers = Array.from({ length: 200 }, (_, at) => read(at % 2 === 0 ? one : other, load));
    assert.deepEqual([...new Set(await Promise.all(readers))], ['loaded']);
    const tookMs = performance.now() - startedMs;
    assert.ok(loads <= 2, `${loads} loads`);
    assert.ok(tookMs < 4_000, `${tookMs} ms`);
  });

  test('a process that dies while it loads delays others for half a second at the most', async () => {
    const { begun, load } = slowLoad();
    const dead = await openRedis(server.url, { log });
    read(dead, load);
    await until(() => begun.length === 1, 'the load has begun');
    await dead.close();
    const startedMs = performance.now();
    let loads = 0;
    const mine = async () => {
      loads++;
      return 'mine';
    };
    const told = await Promise.all(Array.from({ length: 50 }, (_, at) => read(at % 2 === 0 ? one : other, mine)));
    const tookMs = performance.now() - startedMs;
    assert.deepEqual([[...new Set(told)], loads], [['mine'], 1]);
    assert.ok(tookMs < 900, `${tookMs} ms`);
  });

  test('a load that does not come back delays others for a second at the most, and nobody who asks later', async () => {
    const { begun, load } = slowLoad();
    const startedMs = performance.now();
    const hanging = read(one, load);
    await until(() => begun.length === 1, 'the load has begun');
    assert.equal(await read(other, says('mine')), 'mine');
    assert.equal(await read(one, never), 'mine');
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 1_500, `${tookMs} ms`);
    begun[0]?.('late');
    assert.equal(await hanging, 'late');
    assert.notEqual(await read(one, says('next')), 'late');
  });

  test('a change shows within a second though its forget is lost while a slow load is under way', async () => {
    const { begun, load } = slowLoad();
    const startedMs = performance.now();
    const before = read(one, load);
    const waiting = read(other, says('new'));
    // The load has read what is old by now. Nobody forgets it, as when Redis is away for whoever has changed it.
    await until(() => performance.now() - startedMs > 700, 'the load is slow');
    begun[0]?.('old');
    assert.equal(await before, 'old');
    await waiting;
    await until(async () => (await read(other, says('new'))) === 'new', 'the change shows');
    assert.ok(performance.now() - startedMs < 1_500, `${performance.now() - startedMs} ms`);
  });

  test('what was read before a change and comes after it is not kept, however long it was waited for', async () => {
    const { begun, load } = slowLoad();
    const before = read(one, load);
    await until(() => begun.length === 1, 'the load has begun');
    const startedMs = performance.now();
    let heard: string | undefined;
    const waiting = read(other, says('new')).then((value) => {
      heard = value;
    });
    await until(() => performance.now() - startedMs > 700, 'the lease was renewed');
    assert.equal(heard, undefined, 'the other process still waits');
    await one.cache.forget(['a']);
    await waiting;
    assert.equal(heard, 'new');
    begun[0]?.('old');
    assert.equal(await before, 'old');
    assert.equal(await read(one, never), 'new');
  });

  test('a load that fails is told to all who wait for it here, and tried again by the next', async () => {
    const fail = async () => {
      await pause(20);
      throw new Error('away');
    };
    const told = await Promise.allSettled([read(one, fail), read(one, fail)]);
    assert.deepEqual(
      told.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(await read(other, says('back')), 'back');
    assert.equal(await read(one, never), 'back', 'nobody holds the load any more');
  });

  test('emptied in the midst of everything, it is filled again', async () => {
    await read(one, says('old'));
    await server.send('FLUSHALL');
    assert.equal(await read(one, says('new')), 'new');
    const { begun, load } = slowLoad();
    await server.send('FLUSHALL');
    const reading = read(one, load);
    await until(() => begun.length === 1, 'the load has begun');
    await server.send('FLUSHALL');
    await server.send('SCRIPT FLUSH');
    begun[0]?.('loaded');
    assert.equal(await reading, 'loaded');
    assert.equal(await read(other, says('next')), 'next');
  });
});

describe('without Redis', () => {
  beforeEach(async () => {
    await close();
    await open();
  });
  afterEach(async () => {
    server.resume();
    await server.kill();
    await server.start();
  });

  test('reads go to the truth at once when it has died, and it is used again when it is back', async () => {
    await read(one, says('old'));
    await server.kill();
    await until(async () => (await read(one, says('new'))) === 'new', 'the truth is read');
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => one.cache.read(`b${at}`, { ttlMs: 5_000, load: says('truth') })),
    );
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 200, `${tookMs} ms for 1,000 reads`);
    await until(() => one.state === 'degraded', 'it says that it is degraded');
    assert.ok(one.reason);
    await server.start();
    await until(() => one.state === 'up' && other.state === 'up', 'it says that it is up');
    await one.cache.forget(['a']);
    await read(one, says('shared'));
    await until(async () => (await read(other, says('mine'))) === 'shared', 'values are shared again');
  });

  test('what was kept in memory meanwhile is forgotten like anything else', async () => {
    await server.kill();
    await until(async () => (await read(one, says('old'))) === 'old', 'a read');
    await one.cache.forget(['a']);
    assert.equal(await read(one, says('new')), 'new');
  });

  test('a server that hangs delays a read by its bound once, and then no more', async () => {
    await server.hang();
    const timed = async (key: string) => {
      const startedMs = performance.now();
      await one.cache.read(key, { ttlMs: 5_000, load: says('truth') });
      return performance.now() - startedMs;
    };
    const first = await Promise.all(Array.from({ length: 20 }, (_, at) => timed(`first ${at}`)));
    assert.ok(Math.max(...first) < 1_500, `${Math.max(...first)} ms`);
    const later: number[] = [];
    for (const endMs = Date.now() + 1_500; Date.now() < endMs; await pause(10)) later.push(await timed(`${endMs}`));
    // One in ten may have met a busy machine.
    const most = later.sort((a, b) => a - b)[Math.floor(later.length * 0.9)] as number;
    assert.ok(most < 75, `${most} ms`);
    server.resume();
    await until(() => one.state === 'up' && other.state === 'up', 'it is used again');
    await until(async () => (await read(one, says('a'))) === (await read(other, says('b'))), 'values are shared again');
  });
});

describe('hints', () => {
  test('reach other processes by type, and one’s own', async () => {
    const heard: string[] = [];
    const hearing = (name: string) => (hint: { type: string; key: string }) =>
      heard.push(`${name} ${hint.type} ${hint.key}`);
    other.hints.onHint(hearing('other'), ['product.changed.v1']);
    one.hints.onHint(hearing('all'));
    await until(() => other.hints.hearing && one.hints.hearing, 'both hear');
    await until(async () => /:1\r/.test(await server.send('PUBSUB NUMSUB stoa:hint:product.changed.v1')), 'subscribed');
    await until(async () => /:1\r/.test(await server.send('PUBSUB NUMPAT')), 'subscribed to all');
    for (let times = 0; times < 3; times++) one.hints.tell({ type: 'product.changed.v1', key: '1' });
    one.hints.tell({ type: 'order.placed.v1', key: '2' });
    await until(() => heard.length === 3, 'they are heard');
    assert.deepEqual(heard.sort(), ['all order.placed.v1 2', 'all product.changed.v1 1', 'other product.changed.v1 1']);
  });

  test('of a kind that this version does not know count as lost, and hearing goes on', async () => {
    const heard: string[] = [];
    let missed = 0;
    other.hints.onHint(({ key }) => heard.push(key), ['product.changed.v1']);
    other.hints.onMissed(() => missed++);
    const channel = 'stoa:hint:product.changed.v1';
    await until(async () => /:1\r/.test(await server.send(`PUBSUB NUMSUB ${channel}`)), 'subscribed');
    for (const text of ['x', '{}', '[1]', 'null']) await server.send(`PUBLISH ${channel} ${text}`);
    await until(() => missed === 4, 'each counts as lost');
    one.hints.tell({ type: 'product.changed.v1', key: '2' });
    await until(() => heard.length > 0, 'the next is heard');
    assert.deepEqual(heard, ['2']);
  });

  for (const [how, lose] of [
    ['has died', () => server.kill()],
    ['hangs', async () => server.hang()],
  ] as const) {
    test(`whoever hears them is told that some may be lost, within a second, when Redis ${how}`, async () => {
      let missed = 0;
      other.hints.onMissed(() => missed++);
      await until(() => other.hints.hearing, 'hearing');
      await lose();
      const startedMs = performance.now();
      await until(() => !other.hints.hearing && missed === 1, 'the loss is noticed');
      assert.ok(performance.now() - startedMs < 1_000, `${performance.now() - startedMs} ms`);
      one.hints.tell({ type: 'product.changed.v1', key: '1' });
      await until(() => one.state === 'degraded', 'the hint has been lost');
      server.resume();
      await server.kill();
      await server.start();
      await until(
        () => other.hints.hearing && missed >= 2,
        'it hears again, and hears that others had something to tell',
      );
    });
  }
});

describe('the counters', () => {
  const counter = (resetInMs = 60_000) => ({ key: 'a', known: 0, resetInMs });

  test('two processes have one quota between them', async () => {
    const taken = await Promise.all(
      Array.from({ length: 30 }, (_, at) => (at % 2 ? one : other).counters.take(counter(), 20)),
    );
    assert.equal(taken.filter((count) => count?.exceeded === false).length, 20);
    const last = await one.counters.take(counter(), 20);
    assert.deepEqual([last?.used, last?.exceeded], [20, true]);
    assert.ok((last?.resetInMs ?? 0) > 50_000 && (last?.resetInMs ?? 0) <= 60_000);
  });

  test('a window ends by itself', async () => {
    assert.equal((await one.counters.take(counter(100), 1))?.exceeded, false);
    assert.equal((await other.counters.take(counter(100), 1))?.exceeded, true);
    await until(async () => (await other.counters.take(counter(100), 1))?.exceeded === false, 'the next window');
  });

  test('what is counted in each process is added up, and restored by whoever knows it when Redis was emptied', async () => {
    const add = (redis: SharedRedis, added: number, known: number) =>
      redis.counters.add([{ key: 'a', added, known, resetInMs: 30_000 }]);
    await add(one, 5, 5);
    assert.equal((await add(other, 7, 7))?.[0]?.used, 12);
    await server.send('FLUSHALL');
    const [count] = (await add(one, 1, 13)) ?? [];
    assert.equal(count?.used, 13);
    assert.ok((count?.resetInMs ?? 0) <= 30_000);
    await server.send('FLUSHALL');
    const taken = await one.counters.take({ key: 'a', known: 13, resetInMs: 20_000 }, 14);
    assert.deepEqual([taken?.used, taken?.exceeded], [14, false]);
    assert.equal((await other.counters.take(counter(), 14))?.exceeded, true);
  });

  test('nobody’s name or address is in Redis', async () => {
    await one.counters.take({ ...counter(), key: 'anonymous 192.0.2.1' }, 20);
    await one.counters.add([{ key: 'anonymous 192.0.2.2', added: 1, known: 1, resetInMs: 1_000 }]);
    const keys = await server.send('KEYS *');
    assert.match(keys, /stoa:count:/);
    assert.doesNotMatch(keys, /192|anonymous/);
  });

  test('a limit is counted elsewhere at once when Redis has died', async () => {
    await server.kill();
    await until(async () => (await one.counters.take(counter(), 20)) === undefined, 'no answer');
    const startedMs = performance.now();
    assert.equal(await one.counters.take(counter(), 20), undefined);
    assert.ok(performance.now() - startedMs < 20);
    await server.start();
    await until(async () => (await one.counters.take(counter(), 20)) !== undefined, 'counted in Redis again');
  });
});

describe('a start that cannot succeed says why, in one line', () => {
  const refused = async (url: string) => {
    const error = await openRedis(url, { log, waitMs: 300 }).then(
      async (opened) => {
        await opened.close();
        return undefined;
      },
      (thrown: unknown) => findAppError(thrown),
    );
    assert.ok(error);
    assert.equal(error.code, error.message.includes('cannot be reached') ? 'service.unavailable' : 'config.invalid');
    assert.doesNotMatch(error.message, /\n|hunter2/);
    return error.message;
  };

  test('a wrong URL', async () => {
    for (const url of ['http://localhost:6379', 'redis', 'redis://']) {
      assert.match(await refused(url), /^STOA_REDIS_URL must be a URL like redis:/);
    }
  });

  test('nobody at the address', async () => {
    assert.match(await refused('redis://127.0.0.1:1'), /^Redis at 127\.0\.0\.1:1 .* cannot be reached: .*ECONNREFUSED/);
    assert.match(await refused('redis://nowhere.invalid'), /nowhere\.invalid:6379 .* cannot be reached/);
  });

  test('a password that is refused, one that is missing, a user that may too little, a database that is not there', async () => {
    const reader = 'reader on >hunter2 ~* &* -@all +get +ping +info';
    const guarded = await startRedisServer(['--requirepass', 'sesame', '--user', ...reader.split(' ')]);
    try {
      const at = `127.0.0.1:${guarded.port}`;
      assert.match(await refused(`redis://:hunter2@${at}`), /refuses the name or password/);
      assert.match(await refused(`redis://${at}`), /refuses the name or password/);
      assert.match(await refused(`redis://reader:hunter2@${at}`), /does not let this user/);
      assert.match(await refused(`redis://:sesame@${at}/99`), /no such database/);
      await (await openRedis(`redis://:sesame@${at}/3`, { log })).close();
    } finally {
      await guarded.stop();
    }
  });

  test('a server that hangs', async () => {
    await server.hang();
    try {
      assert.match(await refused(server.url), /cannot be reached/);
    } finally {
      server.resume();
    }
  });
});
