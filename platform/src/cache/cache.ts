/** What can be kept: values that JSON gives back as they were. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

export interface ReadMany<T> {
  /**
   * How long a value may be kept where every change is made in this process. Where there may be others, it is a second at the most, so that
   * a change shows within it even when everything that tells of changes is lost. (The gateway keeps whole answers, not here, and while it hears of
   * their changes for longer.)
   */
  readonly ttlMs: number;
  /** Gets the truth of what is missing. Keys that it leaves out do not exist, which is not kept. */
  readonly load: (missing: readonly string[]) => Promise<ReadonlyMap<string, T>>;
}

export interface ReadOne<T> {
  readonly ttlMs: number;
  /** Gets the truth; undefined when there is nothing, which is not kept. */
  readonly load: () => Promise<T | undefined>;
}

/**
 * Copies of what is costly to get, for display. The truth is never in it: it may be emptied or die at any moment, and every read then is its
 * load. Values are shared among readers and frozen. Nothing that belongs to a person is put here.
 */
export interface Cache {
  /** The value that is kept, or that of the one load which all who ask for it meanwhile wait for. */
  read<T>(key: string, how: ReadOne<T>): Promise<T | undefined>;
  /** The same for many keys, loading what is missing at once. */
  readMany<T>(keys: readonly string[], how: ReadMany<T>): Promise<Map<string, T>>;
  /**
   * Forgets values that have changed: call it after the commit. A value that is being loaded meanwhile is given to those who wait for it and not kept, and
   * whoever asks from now on is not given it. Never rejects.
   */
  forget(keys: readonly string[]): Promise<void>;
}

/** The same cache for one user of it: its keys meet nobody else's. */
export function cacheOf(cache: Cache, owner: string): Cache {
  const own = (key: string) => `${owner} ${key}`;
  const bare = (key: string) => key.slice(owner.length + 1);
  return {
    read: (key, how) => cache.read(own(key), how),
    async readMany<T>(keys: readonly string[], { ttlMs, load }: ReadMany<T>) {
      const found = await cache.readMany(keys.map(own), {
        ttlMs,
        load: async (missing) => renamed(await load(missing.map(bare)), own),
      });
      return renamed(found, bare);
    },
    forget: (keys) => cache.forget(keys.map(own)),
  };
}

function renamed<T>(values: ReadonlyMap<string, T>, rename: (key: string) => string): Map<string, T> {
  return new Map(Array.from(values, ([key, value]) => [rename(key), value]));
}
