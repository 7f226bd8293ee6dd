import type { Cache, ReadMany } from './cache.ts';
import { frozen } from './frozen.ts';
import { readOne } from './read-one.ts';

export interface MemoryCacheOptions {
  /** Bounds every `ttlMs`: `unheardTtlMsMax` in a process that does not hear of all changes. */
  readonly ttlMsMax?: number;
  /** The oldest go first; 20,000 unless given. */
  readonly entriesMax?: number;
  /** Milliseconds that only grow. */
  readonly nowMs?: () => number;
}

/** Bounds what is kept where nobody tells this process of changes: two of them in a row, and a change still shows within a second. */
export const unheardTtlMsMax = 500;

interface Entry {
  readonly value: unknown;
  readonly untilMs: number;
}

type Loading = Promise<ReadonlyMap<string, unknown>>;

/** A cache in this process's memory. */
export class MemoryCache implements Cache {
  readonly #entries = new Map<string, Entry>();
  /** A load that is no longer found here under a key must not be kept under it. */
  readonly #loads = new Map<string, { readonly loading: Loading; readonly untilMs: number }>();
  readonly #options: Required<MemoryCacheOptions>;

  constructor({ ttlMsMax = Infinity, entriesMax = 20_000, nowMs = () => performance.now() }: MemoryCacheOptions = {}) {
    this.#options = { ttlMsMax, entriesMax, nowMs };
  }

  get size(): number {
    return this.#entries.size;
  }

  read = readOne;

  async readMany<T>(keys: readonly string[], how: ReadMany<T>): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    const waiting = new Map<Loading, string[]>();
    const missing: string[] = [];
    const nowMs = this.#options.nowMs();
    for (const key of new Set(keys)) {
      const entry = this.#entries.get(key);
      const load = this.#loads.get(key);
      if (entry !== undefined && entry.untilMs > nowMs) found.set(key, entry.value as T);
      // What a load brings that began too long ago is too old for whoever asks now, and it may never come back.
      else if (load === undefined || load.untilMs <= nowMs) missing.push(key);
      else waiting.set(load.loading, [...(waiting.get(load.loading) ?? []), key]);
    }
    if (missing.length > 0) waiting.set(this.#load(missing, how), missing);
    await Promise.all(
      Array.from(waiting, async ([loading, awaited]) => {
        const loaded = await loading;
        for (const key of awaited) if (loaded.has(key)) found.set(key, loaded.get(key) as T);
      }),
    );
    return found;
  }

  async forget(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.#entries.delete(key);
      this.#loads.delete(key);
    }
  }

  #load<T>(missing: readonly string[], { ttlMs, load }: ReadMany<T>): Loading {
    const { nowMs, ttlMsMax } = this.#options;
    // From the start of the load on: what it brings may be as old.
    const untilMs = nowMs() + Math.min(ttlMs, ttlMsMax);
    const loading: Loading = load(missing).then(
      (loaded) => {
        for (const key of missing) {
          const value = frozen(loaded.get(key));
          if (this.#loads.get(key)?.loading !== loading) continue;
          this.#loads.delete(key);
          if (value !== undefined) this.#keep(key, { value, untilMs });
        }
        return loaded;
      },
      (error: unknown) => {
        for (const key of missing) if (this.#loads.get(key)?.loading === loading) this.#loads.delete(key);
        throw error;
      },
    );
    for (const key of missing) this.#loads.set(key, { loading, untilMs });
    return loading;
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#options.entriesMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
