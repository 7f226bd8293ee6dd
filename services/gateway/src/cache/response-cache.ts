/** A complete answer, as it was given to a caller who sees what all see. */
export interface Recorded {
  readonly status: number;
  /** Lower-case names and values in turn, without those of one request or connection. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** An answer that is kept, with everything ready to be sent. */
export interface Kept extends Recorded {
  readonly etag: string;
  readonly untilMs: number;
}

interface Entry {
  readonly kept: Kept;
  readonly bytes: number;
  readonly group: string;
  used: boolean;
}

/** What an entry costs beside its body. */
const entryBytes = 1024;

/**
 * Keeps answers by address, bounded in bytes. Concurrent misses of one address share one load. Answers are grouped by the service that gave
 * them and forgotten together; one that was being loaded meanwhile is handed on, but not kept, for it may be the old one.
 */
export class ResponseCache {
  readonly #entries = new Map<string, Entry>();
  readonly #loads = new Map<string, Promise<Recorded>>();
  readonly #generations = new Map<string, number>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, nowMs: number): Kept | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.kept.untilMs <= nowMs) {
      this.#remove(key, entry);
      return undefined;
    }
    entry.used = true;
    return entry.kept;
  }

  /**
   * The answer of the load that runs for this address, or of a new one.
   *
   * @param keep makes what is kept of an answer; undefined when it is not to be kept
   */
  load(
    key: string,
    group: string,
    load: () => Promise<Recorded>,
    keep: (recorded: Recorded) => Kept | undefined,
  ): Promise<Recorded> {
    const generation = this.#generation(group);
    // Whoever comes after a change must not be given what was asked for before it.
    const loadKey = `${generation} ${key}`;
    const running = this.#loads.get(loadKey);
    if (running !== undefined) return running;
    const loading = load()
      .then((recorded) => {
        if (this.#generation(group) !== generation) return recorded;
        const kept = keep(recorded);
        if (kept === undefined) return recorded;
        this.#put(key, group, kept);
        return kept;
      })
      .finally(() => this.#loads.delete(loadKey));
    this.#loads.set(loadKey, loading);
    return loading;
  }

  /** Forgets every answer of a service. */
  forget(group: string): void {
    this.#generations.set(group, this.#generation(group) + 1);
    for (const [key, entry] of this.#entries) if (entry.group === group) this.#remove(key, entry);
  }

  #generation(group: string): number {
    return this.#generations.get(group) ?? 0;
  }

  #put(key: string, group: string, kept: Kept): void {
    const bytes = kept.body.length + 2 * key.length + entryBytes;
    // One huge answer must not empty the cache.
    if (bytes > this.#bytesMax / 8) return;
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(key, before);
    this.#entries.set(key, { kept, bytes, group, used: false });
    this.#bytes += bytes;
    this.#makeRoom();
  }

  /** The clock algorithm: what was used since the hand came by last stays for another round. */
  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      if (entry.used) {
        entry.used = false;
        this.#entries.delete(key);
        this.#entries.set(key, entry);
      } else this.#remove(key, entry);
    }
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

/** One key for all spellings of one query: the order of its parameters does not matter, that of repeated ones does. */
export function cacheKeyOf(url: string): string {
  const question = url.indexOf('?');
  if (question === -1 || !url.includes('&', question)) return url;
  const pairs = url.slice(question + 1).split('&');
  const nameOf = (pair: string) => pair.split('=', 1)[0] as string;
  pairs.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  return `${url.slice(0, question)}?${pairs.join('&')}`;
}
