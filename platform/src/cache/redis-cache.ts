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
/** How long a load is held for a process that says nothing more: others wait no longer for one that died. */
const leaseMs = 500;
/** How often a process that still loads says so: four words may be late before others begin as well. */
const renewMs = 100;
/**
 * How long a load is held for one process that lives: what it brings later is older than a copy may be, so nobody who asks then is to be given it. A load that
 * does not come back is therefore one that somebody else makes a second later.
 */
const holdMsMax = ttlMsMax;
/** How long loads of other processes are waited for at the most, whatever becomes of them; from then on a process loads for itself, once for all its readers. */
const waitMsMax = 1_000;
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

const renewWhereLeased = redisScript<null>(`
  for i, key in ipairs(KEYS) do
    if redis.call('GET', key) == ARGV[1] then redis.call('PEXPIRE', key, ARGV[2]) end
  end
  return nil`);

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

/** What Redis says of keys that were asked for. */
interface Seen<T> {
  readonly values: Map<string, T>;
  /** The rest, by the lease that each is loaded under. */
  readonly byLease: ReadonlyMap<string, readonly string[]>;
}

/** A cache that processes share. While Redis is away each keeps what it loads for half a second in its own memory. */
export class RedisCache implements Cache {
  readonly #link: RedisLink;
  readonly #lonely = new MemoryCache({ ttlMsMax: unheardTtlMsMax });
  /**
   * What this process loads, and what it waits for elsewhere, by lease and key. Others join only while the lease stands, hence never what began
   * before a change.
   */
  readonly #loads = new Map<string, Loading>();
  readonly #waits = new Map<string, Loading>();
  /** How leases of this process begin. */
  readonly #ours = `l${randomUUID()}`;
  #number = 0;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  read = readOne;

  async readMany<T>(keys: readonly string[], how: ReadMany<T>): Promise<Map<string, T>> {
    const wanted = [...new Set(keys)];
    const lease = this.#newLease();
    const seen = await this.#look<T>(wanted, lease);
    if (seen === undefined) return this.#lonely.readMany(wanted, how);
    const awaited = new Map<Loading, string[]>();
    for (const [holder, leased] of seen.byLease) {
      const alone = sortInto(
        awaited,
        leased,
        (key) => this.#loads.get(at(holder, key)) ?? this.#waits.get(at(holder, key)),
      );
      if (alone.length === 0) continue;
      awaited.set(holder === lease ? this.#load(alone, how, lease) : this.#wait(alone, how, holder), alone);
    }
    return gathered(seen.values, awaited);
  }

  async forget(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#lonely.forget(keys);
    await this.#link.ask((redis) => redis.unlink(keys.map(keyOf)));
  }

  #newLease(): string {
    return `${this.#ours} ${this.#number++}`;
  }

  /** Takes the lease of what nobody has and nobody loads. Undefined while Redis is away. */
  async #look<T>(keys: readonly string[], lease: string): Promise<Seen<T> | undefined> {
    const answers = await Promise.all(
      inParts(keys).map((part) => this.#link.ask((redis) => readOrLease(redis, part.map(keyOf), [lease, leaseMs]))),
    );
    if (answers.includes(undefined)) return undefined;
    const held = (answers as string[][]).flat();
    const values = new Map<string, T>();
    const byLease = new Map<string, string[]>();
    keys.forEach((key, index) => {
      const text = held[index] as string;
      if (text.startsWith('v')) values.set(key, frozen(JSON.parse(text.slice(1))) as T);
      else byLease.set(text, [...(byLease.get(text) ?? []), key]);
    });
    return { values, byLease };
  }

  /**
   * Loads keys that this process holds, or that it has waited for in vain. Where another holds them the lease is left as it is: renewed, it would have that
   * process' readers join a load that began too long ago.
   */
  #load<T>(keys: readonly string[], { ttlMs, load }: ReadMany<T>, lease: string): Loading {
    const startedMs = performance.now();
    const isOurs = lease.startsWith(this.#ours);
    const renewing = isOurs ? this.#renew(keys, lease) : undefined;
    const loading: Loading = load(keys).then((loaded) => {
      const texts = new Map(Array.from(loaded, ([key, value]) => [key, `v${JSON.stringify(frozen(value))}`]));
      // From the start of the load on: what it brings may be as old.
      const leftMs = Math.floor(Math.min(ttlMs, ttlMsMax) - (performance.now() - startedMs));
      void this.#keep(keys, leftMs > 0 ? texts : new Map(), lease, leftMs).finally(forgetLoading);
      return loaded;
    });
    const forgetLoading = register(this.#loads, lease, keys, loading);
    loading
      .catch(() => (isOurs ? this.#keep(keys, new Map(), lease, 0) : Promise.resolve()).finally(forgetLoading))
      .finally(() => clearInterval(renewing));
    return loading;
  }

  /** Waits for what others load, once for all readers of this process; loads what they give up, and what takes too long. */
  #wait<T>(keys: readonly string[], how: ReadMany<T>, holder: string): Loading {
    const waiting = this.#waitAndLoad(keys, how);
    const forgetWaiting = register(this.#waits, holder, keys, waiting);
    waiting.catch(() => undefined).finally(forgetWaiting);
    return waiting;
  }

  async #waitAndLoad<T>(keys: readonly string[], how: ReadMany<T>): Promise<Map<string, T>> {
    const values = new Map<string, T>();
    const awaited = new Map<Loading, string[]>();
    let missing = keys;
    // The pauses are added up, not the time: a process that was kept from running has not waited.
    let waitedMs = 0;
    for (let pauseMs = pauseMsMin; missing.length > 0; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
      await pause(pauseMs);
      waitedMs += pauseMs;
      const lease = this.#newLease();
      const seen = await this.#look<T>(missing, lease);
      if (seen === undefined) {
        awaited.set(this.#lonely.readMany(missing, how), [...missing]);
        break;
      }
      for (const [key, value] of seen.values) values.set(key, value);
      const elsewhere: string[] = [];
      for (const [holder, leased] of seen.byLease) {
        const alone = sortInto(awaited, leased, (key) => this.#loads.get(at(holder, key)));
        if (alone.length === 0) continue;
        if (holder === lease || waitedMs >= waitMsMax) awaited.set(this.#load(alone, how, holder), alone);
        else elsewhere.push(...alone);
      }
      missing = elsewhere;
    }
    return gathered(values, awaited);
  }

  /** Says again and again that the load goes on, until it is stopped. */
  #renew(keys: readonly string[], lease: string): NodeJS.Timeout {
    const endMs = performance.now() + holdMsMax;
    const renewing = setInterval(() => {
      const leftMs = Math.floor(Math.min(leaseMs, endMs - performance.now()));
      if (leftMs <= 0) return clearInterval(renewing);
      for (const part of inParts(keys))
        void this.#link.ask((redis) => renewWhereLeased(redis, part.map(keyOf), [lease, leftMs]));
    }, renewMs).unref();
    return renewing;
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
  }
}

const at = (lease: string, key: string) => `${lease} ${key}`;

/** Makes a load known for its keys; answers with what takes it out again. */
function register(all: Map<string, Loading>, lease: string, keys: readonly string[], loading: Loading): () => void {
  for (const key of keys) all.set(at(lease, key), loading);
  return () => {
    for (const key of keys) if (all.get(at(lease, key)) === loading) all.delete(at(lease, key));
  };
}

/** Adds keys to what they are awaited from; answers with those that nobody loads. */
function sortInto(
  awaited: Map<Loading, string[]>,
  keys: readonly string[],
  loadingOf: (key: string) => Loading | undefined,
): string[] {
  const alone: string[] = [];
  for (const key of keys) {
    const loading = loadingOf(key);
    if (loading === undefined) alone.push(key);
    else awaited.set(loading, [...(awaited.get(loading) ?? []), key]);
  }
  return alone;
}

/** Adds to the values those that are awaited; rejects as soon as one of the loads does. */
async function gathered<T>(
  values: Map<string, T>,
  awaited: ReadonlyMap<Loading, readonly string[]>,
): Promise<Map<string, T>> {
  await Promise.all(
    Array.from(awaited, async ([loading, keys]) => {
      const loaded = await loading;
      for (const key of keys) if (loaded.has(key)) values.set(key, loaded.get(key) as T);
    }),
  );
  return values;
}

function inParts<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += keysAtOnce) parts.push(all.slice(at, at + keysAtOnce));
  return parts;
}
