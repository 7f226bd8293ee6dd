import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A script that runs in Redis as one step, sent as its digest; its text follows when the server does not know it (yet, or any more). */
export function redisScript<T>(lua: string) {
  const digest = createHash('sha1').update(lua).digest('hex');
  return async (redis: Redis, keys: readonly string[], values: readonly (string | number)[]): Promise<T> => {
    const rest = [...keys, ...values];
    try {
      return (await redis.evalsha(digest, keys.length, ...rest)) as T;
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return (await redis.eval(lua, keys.length, ...rest)) as T;
    }
  };
}
