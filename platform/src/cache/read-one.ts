import type { Cache, ReadOne } from './cache.ts';

/** `read` as the `readMany` of one key. */
export async function readOne<T>(this: Pick<Cache, 'readMany'>, key: string, how: ReadOne<T>): Promise<T | undefined> {
  const found = await this.readMany<T>([key], {
    ttlMs: how.ttlMs,
    async load() {
      const value = await how.load();
      return value === undefined ? new Map<string, T>() : new Map([[key, value]]);
    },
  });
  return found.get(key);
}
