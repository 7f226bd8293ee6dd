import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cache, ReadMany } from './cache.ts';
import { frozen } from './frozen.ts';
import { MemoryCache, unheardTtlMsMax } from './memory-cache.ts';
import { readOne } from './read-one.ts';
import type { RedisLink } from './redis-link.ts';
import { redisScript } from './redis-script.ts';

/** A change shows within this time though its `forget` is lost. */
const ttlMsMax = 1_000;
/** How long a load is held for one process: one that died, or is slower, is not waited for any longer. */
const leaseMs = 500;
/** How long another process's load is waited for at the most. */
const waitMsMax = 200;
const pauseMsMin = 4;
const pauseMsMax = 32;

/*
 * Under a key is either a value ("v" and its JSON) or a lease ("l" and the token of the load that it is for). A load's values are kept only
 * where its lease still is: whoever forgets a key takes the lease away with the value, so what was loaded before a change is never kept after it.
 * R. Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, §3.2.1.
 */
const readOrLease = redisScript<string[]>(`
  local held = redis.call('MGET', unpack(KEYS))
  for i, key in ipairs(KEYS) do
    if not held[i] then
      held[i] = ARGV[1]
      redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    end
  end
  return held`);

const keepWhereLeased = redisScript<null>(`
  for i, key in ipairs(KEYS) do
    if redis.call('GET', key) == ARGV[1] then
      local value = ARGV[i + 2]
      if value == '' then redis.call('DEL', key) else redis.call('SET', key, value, 'PX', ARGV[2]) end
    end
  end
  return nil`);

/** Lua's stack holds some 8,000 values. */
const keysAtOnce = 1_000;
const keyOf = (key: string) => `stoa:cache:${key}`;

type Loading = Promise<ReadonlyMap<string, unknown>>;

/** A cache that processes share. While Redis is away each keeps what it loads for half a second in its own memory. */
export class RedisCache implements Cache {
  readonly #link: RedisLink;
  readonly #lonely = new MemoryCache({ ttlMsMax: unheardTtlMsMax });
  /** This process's loads by their tokens. Others join a load only while its lease stands, hence never one that began before a change. */
  readonly #loads = new Map<string, Loading>();
  readonly #process = randomUUID();
  #number = 0;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  read = readOne;

  async readMany<T>(keys: readonly string[], how: ReadMany<T>): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    // The pauses are added up, not the time: a process that was kept from running has not waited.
    let waitedMs = 0;
    const awaited: Promise<void>[] = [];
    const add = (loading: Loading, wanted: readonly string[]) => {
      const added = loading.then((loaded) => {
        for (const key of wanted) if (loaded.has(key)) found.set(key, loaded.get(key) as T);
      });
      // Its failure is told at the end, when all is awaited.
      added.catch(() => undefined);
      awaited.push(added);
    };
    let missing = [...new Set(keys)];
    for (let pauseMs = pauseMsMin; missing.length > 0; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
      const lease = `l${this.#process} ${this.#number++}`;
      const held = await this.#readOrLease(missing, lease);
      if (held === undefined) {
        add(this.#lonely.readMany(missing, how), missing);
        break;
      }
      const byLease = new Map<string, string[]>();
      missing.forEach((key, at) => {
        const text = held[at] as string;
        if (text.startsWith('v')) found.set(key, frozen(JSON.parse(text.slice(1))) as T);
        else byLease.set(text, [...(byLease.get(text) ?? []), key]);
      });
      missing = [];
      for (const [holder, wanted] of byLease) {
        const loading = holder === lease ? this.#load(wanted, how, lease) : this.#loads.get(holder);
        if (loading !== undefined) add(loading, wanted);
        else missing.push(...wanted);
      }
      if (missing.length > 0 && waitedMs + pauseMs > waitMsMax) {
        add(how.load(missing), missing);
        break;
      }
      waitedMs += pauseMs;
      if (missing.length > 0) await pause(pauseMs);
    }
    await Promise.all(awaited);
    return found;
  }

  async forget(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#lonely.forget(keys);
    await this.#link.ask((redis) => redis.unlink(keys.map(keyOf)));
  }

  async #readOrLease(keys: readonly string[], lease: string): Promise<string[] | undefined> {
    const answers = await Promise.all(
      inParts(keys).map((part) => this.#link.ask((redis) => readOrLease(redis, part.map(keyOf), [lease, leaseMs]))),
    );
    return answers.includes(undefined) ? undefined : (answers as string[][]).flat();
  }

  #load<T>(keys: readonly string[], { ttlMs, load }: ReadMany<T>, lease: string): Loading {
    const startedMs = performance.now();
    const loading: Loading = load(keys).then((loaded) => {
      const texts = new Map(Array.from(loaded, ([key, value]) => [key, `v${JSON.stringify(frozen(value))}`]));
      // From the start of the load on: what it brings may be as old.
      const leftMs = Math.floor(Math.min(ttlMs, ttlMsMax) - (performance.now() - startedMs));
      void this.#keep(keys, leftMs > 0 ? texts : new Map(), lease, leftMs);
      return loaded;
    });
    loading.catch(() => this.#keep(keys, new Map(), lease, 0));
    this.#loads.set(lease, loading);
    return loading;
  }

  /** Keeps what was loaded, and gives back the leases of the rest. */
  async #keep(
    keys: readonly string[],
    texts: ReadonlyMap<string, string>,
    lease: string,
    ttlMs: number,
  ): Promise<void> {
    for (const part of inParts(keys)) {
      const values = part.map((key) => texts.get(key) ?? '');
      await this.#link.ask((redis) => keepWhereLeased(redis, part.map(keyOf), [lease, Math.max(ttlMs, 1), ...values]));
    }
    this.#loads.delete(lease);
  }
}

function inParts<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += keysAtOnce) parts.push(all.slice(at, at + keysAtOnce));
  return parts;
}
