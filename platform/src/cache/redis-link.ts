import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

/** Redis on the same network needs less than one. */
const answerMsDefault = 50;
/** An absence that is over sooner is nothing that anybody has to know. */
const lastingMs = 500;
const lookAgainMs = 100;

/**
 * A connection to Redis that nobody waits for: an answer comes within `answerMs` or not at all, and after one that did not, nothing is sent but a
 * look whether Redis is back. What is asked for meanwhile is refused at once.
 */
export class RedisLink {
  readonly #redis: Redis;
  readonly #log: Logger;
  readonly #answerMs: number;
  readonly #backHearers: (() => void)[] = [];
  /** Why Redis is not being asked; undefined while it is. */
  #away: string | undefined;
  #isTold = false;
  #toldTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(redis: Redis, { log, answerMs = answerMsDefault }: { log: Logger; answerMs?: number }) {
    this.#redis = redis;
    this.#log = log;
    this.#answerMs = answerMs;
    redis.on('error', (error: Error) => this.#goAway(error.message));
    redis.on('close', () => this.#goAway('the connection ended'));
  }

  /** Why it has been away for a while; undefined when it is there. */
  get reason(): string | undefined {
    return this.#isTold ? this.#away : undefined;
  }

  onBack(hear: () => void): void {
    this.#backHearers.push(hear);
  }

  /** The answer, or undefined when there is none to be had. Never rejects. */
  async ask<T>(work: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    if (this.#away !== undefined || this.#closed) return undefined;
    try {
      return await within(work(this.#redis), this.#answerMs);
    } catch (error) {
      this.#goAway((error as Error).message);
      return undefined;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#toldTimer);
    clearTimeout(this.#lookTimer);
    this.#redis.disconnect();
  }

  #goAway(reason: string): void {
    if (this.#away !== undefined || this.#closed) return;
    this.#away = reason;
    this.#toldTimer = setTimeout(() => {
      this.#isTold = true;
      this.#log.warn({ reason: this.#away }, 'Redis is away: there is no shared cache, and limits are counted here');
    }, lastingMs).unref();
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#lookTimer = setTimeout(() => void this.#look(), lookAgainMs).unref();
  }

  /** Waits for as long as the connection lives, so that a server that hangs is sent one look and not many. */
  async #look(): Promise<void> {
    try {
      await this.#redis.set('stoa:look', '1', 'PX', 1_000);
      this.#comeBack();
    } catch {
      this.#lookLater();
    }
  }

  #comeBack(): void {
    if (this.#closed) return;
    clearTimeout(this.#toldTimer);
    this.#away = undefined;
    if (this.#isTold) this.#log.info('Redis is back');
    this.#isTold = false;
    for (const hear of this.#backHearers) hear();
  }
}

/** An answer that has arrived while this process was busy counts: it is read between the timer and the immediate. */
export function within<T>(asked: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() => reject(new Error(`no answer within ${ms} ms`)));
    }, ms);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
