import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Hint, Hints } from './hints.ts';
import { type RedisLink, within } from './redis-link.ts';

/** Hints are told together: a batch a type, not one message an event. */
const batchMs = 5;
/** How often hearing is put to the test, and how long the test may take: silence alone does not tell a dead line from a quiet shop. */
const beatMs = 250;
const channelOf = (type: string) => `stoa:hint:${type}`;
const everyType = channelOf('*');
/** Told by a process that could not tell of its events. */
const lostChannel = 'stoa:hints-lost';

/** Hints by Redis' publish and subscribe. */
export class RedisHints implements Hints {
  readonly #link: RedisLink;
  readonly #subscriber: Redis;
  readonly #hearers: { readonly hear: (hint: Hint) => void; readonly types: ReadonlySet<string> | undefined }[] = [];
  readonly #missedHearers: (() => void)[] = [];
  readonly #batch = new Map<string, Set<string>>();
  #batchTimer: NodeJS.Timeout | undefined;
  #lost = false;
  #isSubscribed = false;
  #hearing = false;
  readonly #beat: NodeJS.Timeout;

  constructor(link: RedisLink, subscriber: Redis, log: Logger) {
    this.#link = link;
    this.#subscriber = subscriber;
    link.onBack(() => void this.#tellLost());
    subscriber.on('ready', () => void this.#subscribe());
    subscriber.on('close', () => {
      this.#isSubscribed = false;
      this.#miss();
    });
    subscriber.on('error', (error: Error) => log.debug({ err: error }, 'the connection for hints failed'));
    subscriber.on('message', (channel: string, text: string) => this.#hear(channel, text));
    subscriber.on('pmessage', (_pattern: string, channel: string, text: string) => this.#hear(channel, text));
    void this.#subscribe();
    this.#beat = setInterval(() => void this.#test(), beatMs).unref();
  }

  get hearing(): boolean {
    return this.#hearing;
  }

  tell({ type, key }: Hint): void {
    const keys = this.#batch.get(type);
    if (keys === undefined) this.#batch.set(type, new Set([key]));
    else keys.add(key);
    this.#batchTimer ??= setTimeout(() => void this.#tellBatch(), batchMs);
  }

  onHint(hear: (hint: Hint) => void, types?: readonly string[]): void {
    this.#hearers.push({ hear, types: types && new Set(types) });
    void this.#subscribe();
  }

  onMissed(hear: () => void): void {
    this.#missedHearers.push(hear);
  }

  /** Tells what is still to be told, and hears no more. */
  async close(): Promise<void> {
    clearInterval(this.#beat);
    clearTimeout(this.#batchTimer);
    await this.#tellBatch();
    this.#subscriber.disconnect();
  }

  async #tellBatch(): Promise<void> {
    this.#batchTimer = undefined;
    const batch = [...this.#batch];
    this.#batch.clear();
    await Promise.all(batch.map(([type, keys]) => this.#publish(channelOf(type), [...keys])));
  }

  async #publish(channel: string, keys: readonly string[]): Promise<void> {
    if ((await this.#link.ask((redis) => redis.publish(channel, JSON.stringify(keys)))) === undefined)
      this.#lost = true;
  }

  async #tellLost(): Promise<void> {
    if (!this.#lost) return;
    this.#lost = false;
    await this.#publish(lostChannel, []);
  }

  #hear(channel: string, text: string): void {
    if (channel === lostChannel) {
      for (const hear of this.#missedHearers) hear();
      return;
    }
    const type = channel.slice(channelOf('').length);
    const wanting = this.#hearers.filter(({ types }) => types === undefined || types.has(type));
    if (wanting.length === 0) return;
    const keys = keysIn(text);
    // Whoever told it means something by it: as when a hint was lost.
    if (keys === undefined) for (const hear of this.#missedHearers) hear();
    else for (const key of keys) for (const { hear } of wanting) hear({ type, key });
  }

  async #subscribe(): Promise<void> {
    if (this.#subscriber.status !== 'ready') return;
    const types = this.#hearers.flatMap((hearer) => [...(hearer.types ?? [])]);
    try {
      await this.#subscriber.subscribe(lostChannel, ...types.map(channelOf));
      if (this.#hearers.some((hearer) => hearer.types === undefined)) await this.#subscriber.psubscribe(everyType);
      this.#isSubscribed = true;
      this.#hearing = true;
    } catch {
      this.#miss();
    }
  }

  async #test(): Promise<void> {
    if (!this.#isSubscribed) return;
    try {
      await within(this.#subscriber.ping(), beatMs);
      this.#hearing = this.#isSubscribed;
    } catch {
      this.#miss();
    }
  }

  #miss(): void {
    if (!this.#hearing) return;
    this.#hearing = false;
    for (const hear of this.#missedHearers) hear();
  }
}

/** The keys of a hint; undefined when this is none that this version knows. */
function keysIn(text: string): string[] | undefined {
  try {
    const keys: unknown = JSON.parse(text);
    return Array.isArray(keys) && keys.every((key) => typeof key === 'string') ? keys : undefined;
  } catch {
    return undefined;
  }
}
