import { hash } from 'node:crypto';
import type { Addition, Count, SharedCounters } from './counters.ts';
import type { RedisLink } from './redis-link.ts';
import { redisScript } from './redis-script.ts';

/** A counter that is not there begins with all that the process knows of: Redis may have been emptied within the window. */
const takeOne = redisScript<[used: number, resetInMs: number, exceeded: number]>(`
  local used = redis.call('GET', KEYS[1])
  if not used then
    used = ARGV[2]
    redis.call('SET', KEYS[1], used, 'PX', ARGV[3])
  end
  if tonumber(used) >= tonumber(ARGV[1]) then return { tonumber(used), redis.call('PTTL', KEYS[1]), 1 } end
  return { redis.call('INCR', KEYS[1]), redis.call('PTTL', KEYS[1]), 0 }`);

const addAll = redisScript<[used: number, resetInMs: number][]>(`
  local counts = {}
  for i, key in ipairs(KEYS) do
    local used
    if redis.call('EXISTS', key) == 1 then
      used = redis.call('INCRBY', key, ARGV[3 * i - 2])
    else
      used = tonumber(ARGV[3 * i - 1])
      redis.call('SET', key, used, 'PX', ARGV[3 * i])
    end
    counts[i] = { used, redis.call('PTTL', key) }
  end
  return counts`);

/** Keys name callers and addresses, which do not leave the process. */
const keyOf = (key: string) => `stoa:count:${hash('sha256', key, 'base64url').slice(0, 24)}`;

/** Counters in Redis. They live no longer than their windows. */
export function createRedisCounters(link: RedisLink): SharedCounters {
  return {
    async take(counter, quota) {
      const values = [quota, counter.known, wholeMs(counter.resetInMs)];
      const answer = await link.ask((redis) => takeOne(redis, [keyOf(counter.key)], values));
      if (answer === undefined) return undefined;
      const [used, resetInMs, exceeded] = answer;
      return { used, resetInMs, exceeded: exceeded === 1 };
    },
    async add(additions: readonly Addition[]): Promise<readonly Count[] | undefined> {
      const keys = additions.map(({ key }) => keyOf(key));
      const values = additions.flatMap(({ added, known, resetInMs }) => [added, known, wholeMs(resetInMs)]);
      const answer = await link.ask((redis) => addAll(redis, keys, values));
      return answer?.map(([used, resetInMs]) => ({ used, resetInMs }));
    },
  };
}

/** Redis refuses to keep anything for no time. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
