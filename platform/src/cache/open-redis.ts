import { setTimeout as pause } from 'node:timers/promises';
import type { Redis, RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { type AppError, certificateAdvice, fault, isCertificateCode } from '../errors/index.ts';
import type { Cache } from './cache.ts';
import type { SharedCounters } from './counters.ts';
import type { Hints } from './hints.ts';
import { RedisCache } from './redis-cache.ts';
import { createRedisCounters } from './redis-counters.ts';
import { RedisHints } from './redis-hints.ts';
import { RedisLink } from './redis-link.ts';

/** What this process shares with others through Redis, and does without while Redis is away. */
export interface SharedRedis {
  readonly cache: Cache;
  readonly hints: Hints;
  readonly counters: SharedCounters;
  /** Never `down`: nothing breaks without Redis. */
  readonly state: 'up' | 'degraded';
  /** Why it is degraded. */
  readonly reason: string | undefined;
  /** Asks Redis for something and waits for the answer; rejects when there is none. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenRedisOptions {
  readonly log: Logger;
  /** What the connections are called in Redis' list of clients; `stoa` unless given. */
  readonly name?: string;
  /** How long Redis may take to be there at the start; 5,000 unless given. Later it may be away for as long as it likes. */
  readonly waitMs?: number;
  /** How long any answer is waited for before Redis counts as away; 50 unless given. */
  readonly answerMs?: number;
}

const waitMsDefault = 5_000;
const tryAgainMs = 100;

/**
 * Connects to Redis.
 *
 * @param url redis://name:password@host:port/database, or rediss:// with TLS
 * @throws AppError `config.invalid` when the URL is wrong or the server refuses this user, `service.unavailable` when nobody is there; in one line
 */
export async function openRedis(url: string, options: OpenRedisOptions): Promise<SharedRedis> {
  const place = placeOf(url);
  const commands = await connected(url, place, options);
  const subscriber = await connected(url, place, options).catch((error: unknown) => {
    commands.disconnect();
    throw error;
  });
  const link = new RedisLink(commands, options);
  const hints = new RedisHints(link, subscriber, options.log);
  return {
    cache: new RedisCache(link),
    hints,
    counters: createRedisCounters(link),
    get state() {
      return link.reason === undefined ? 'up' : 'degraded';
    },
    get reason() {
      return link.reason;
    },
    async ping() {
      const answer = await link.ask((redis) => redis.ping());
      if (answer === undefined) throw fault('service.unavailable', link.reason ?? 'it does not answer');
    },
    async close() {
      await hints.close();
      link.close();
    },
  };
}

/** The host and port of a URL, which may be shown; its password may not. */
function placeOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw fault(
      'config.invalid',
      'STOA_REDIS_URL must be a URL like redis://name:password@host:6379 (rediss:// for TLS).',
    );
  }
  return `${parsed.hostname}:${parsed.port || 6379}`;
}

/** A connection that has been seen to work. From then on it connects again by itself, for ever. */
async function connected(url: string, place: string, options: OpenRedisOptions): Promise<Redis> {
  const { name = 'stoa', waitMs = waitMsDefault } = options;
  // A tenth of what a process costs to start, which one without Redis need not pay.
  const { Redis } = await import('ioredis');
  for (const endMs = performance.now() + waitMs; ; await pause(tryAgainMs)) {
    let isOpen = false;
    let reason: Error | undefined;
    const redis = new Redis(url, {
      ...connectionOptions,
      connectionName: name.replaceAll(/[^\x21-\x7e]/g, '-'),
      connectTimeout: Math.max(100, Math.min(waitMs, 1_000)),
      retryStrategy: (times) => (isOpen ? Math.min(times * 50, 500) : null),
    });
    redis.on('error', (error: Error) => {
      reason ??= error;
    });
    try {
      await redis.connect();
      await mayWork(redis);
      // A database that is not there is only complained of; everything would go to another.
      if (reason !== undefined) throw reason;
      isOpen = true;
      return redis;
    } catch (error) {
      redis.disconnect();
      const why = reason ?? (error as Error);
      const refused = refusalOf(why, place);
      if (refused !== undefined) throw refused;
      if (performance.now() + tryAgainMs > endMs) throw unreachable(why, place);
    }
  }
}

const connectionOptions: RedisOptions = {
  lazyConnect: true,
  // Whatever cannot be sent or answered now is refused now.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // RedisHints subscribes, and then knows that it has.
  autoResubscribe: false,
  // A connection on which nothing answers for a second is given up for a new one.
  socketTimeout: 1_000,
  noDelay: true,
  // What was the master may be another now, at the same address.
  reconnectOnError: ({ message }) => message.startsWith('READONLY'),
};

/** Asks for everything once that will be needed. */
async function mayWork(redis: Redis): Promise<void> {
  await redis.eval(`return redis.call('SET', KEYS[1], '1', 'PX', 1000)`, 1, 'stoa:look');
  await redis.set('stoa:look', '1', 'PX', 1_000);
  await redis.unlink('stoa:look');
  await redis.publish('stoa:look', '');
}

/** What a server said that will say the same again; undefined when it may say something else soon. */
function refusalOf(error: Error, place: string): AppError | undefined {
  const { message } = error;
  const says = `Redis at ${place} (STOA_REDIS_URL)`;
  const said = message.split('\n', 1)[0];
  if (/WRONGPASS|NOAUTH|invalid password|AUTH failed/i.test(message))
    return fault('config.invalid', `${says} refuses the name or password (${said}). Put the right ones into the URL.`);
  if (/NOPERM/.test(message))
    return fault(
      'config.invalid',
      `${says} does not let this user do what is needed (${said}). Allow it ~stoa:* &stoa:* +@all.`,
    );
  if (/DB index|invalid DB/i.test(message))
    return fault('config.invalid', `${says} has no such database (${said}). Correct the number at the end of the URL.`);
  if (isCertificateCode((error as { code?: unknown }).code))
    return fault('config.invalid', `${says} shows a certificate that is not accepted (${said}). ${certificateAdvice}`);
  if (/DENIED|unknown command|wrong version number|SSL|protocol error/i.test(message))
    return fault('config.invalid', `${says} cannot be used: ${said}.`);
  return undefined;
}

function unreachable({ message }: Error, place: string): AppError {
  return fault(
    'service.unavailable',
    `Redis at ${place} (STOA_REDIS_URL) cannot be reached: ${message.split('\n', 1)[0]}. Start it, or correct the URL, or do without one.`,
  );
}
