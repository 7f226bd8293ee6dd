/** What processes share beside their databases and may lose at any moment: copies, hints and counters. */
export { type Cache, cacheOf, type Json, type ReadMany, type ReadOne } from './cache.ts';
export type { Addition, Count, Known, SharedCounters } from './counters.ts';
export type { Hint, Hints } from './hints.ts';
export { MemoryCache, type MemoryCacheOptions, unheardTtlMsMax } from './memory-cache.ts';
export { type OpenRedisOptions, openRedis, type SharedRedis } from './open-redis.ts';
