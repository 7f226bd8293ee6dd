import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { crashPoint } from '../lifecycle/index.ts';
import type { Message } from '../schema/index.ts';
import type { Sql } from '../sql/index.ts';
import type { Transport } from '../transport/index.ts';
import type { OutboxEntry } from './outbox.ts';

export interface LaneOptions {
  readonly subscriber: string;
  readonly db: Sql;
  readonly transport: Transport;
  readonly log: Logger;
  /** Whether this process is the one that relays; when it no longer is, another reads the table. */
  readonly active: () => boolean;
  /** Removes rows that have been handed over. */
  readonly confirm: (seqs: readonly number[]) => Promise<void>;
  /** Milliseconds after which it is said again that a subscriber takes nothing. */
  readonly warnEveryMs: number;
}

interface Row {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly body: object;
}

const batchMax = 1_000;
const freshMax = 20_000;
const retryDelayMsMin = 20;
const retryDelayMsMax = 5_000;
/** How long a stop waits for a subscriber: what it has taken by then without saying so is handed to it again. */
const stopMsMax = 2_000;

// Lowest rows first and never "after the last one seen": a row that commits late has a low number and would be lost.
const readRows = `
select seq, id, type, key, body from kit.outbox where subscriber = $1 and seq <> all($2::bigint[])
order by seq limit ${batchMax}`;

/** Those that may be of the same keys as what was committed after them: other processes' own, and what was committed here and has not been heard of yet. */
const readRowsBefore = `
select seq, id, type, key, body from kit.outbox where subscriber = $1 and seq <> all($2::bigint[]) and seq < $3
order by seq limit ${batchMax}`;

/**
 * Hands the messages of one subscriber over, in order, one batch at a time. What this process has just committed comes from memory; whenever
 * that may not be all (after a start, a failure, an overflow or another process's commit) the lane is `behind` and reads the table.
 */
export class Lane {
  readonly #options: LaneOptions;
  #fresh: OutboxEntry[] = [];
  /** Handed over, and perhaps not removed yet. */
  readonly #handed = new Set<number>();
  #behind = true;
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();
  #failures = 0;
  #warnedAtMs = 0;
  #yielded = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  offer(entry: OutboxEntry): void {
    if (this.#fresh.length >= freshMax) {
      this.#fresh = [];
      this.#behind = true;
    }
    this.#fresh.push(entry);
    this.wake();
  }

  /** Says that the table may hold rows that this lane has not been offered. */
  fallBehind(): void {
    this.#behind = true;
    this.wake();
  }

  wake(): void {
    if (this.#stop.signal.aborted || this.#running) return;
    this.#yielded = false;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (!this.#yielded && (this.#behind || this.#fresh.length > 0)) this.wake();
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#running, sleep(stopMsMax, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    // A turn of the event loop: messages of commits acknowledged in the same turn travel together.
    await new Promise((resolve) => setImmediate(resolve));
    while (!this.#stop.signal.aborted) {
      if (!this.#options.active()) return this.#yield();
      try {
        if (this.#behind) await this.#catchUp();
        else if (this.#fresh.length > 0) await this.#handOverFresh();
        else return;
        this.#failures = 0;
      } catch (error) {
        await this.#pause(error);
      }
    }
  }

  /** What is known to have been committed here, and before it whatever else had been committed by then. */
  async #handOverFresh(): Promise<void> {
    const fresh = this.#fresh.splice(0, batchMax).filter(({ seq }) => !this.#handed.has(seq));
    if (fresh.length === 0) return;
    const all = await this.#withOthers(fresh);
    if (all.length <= batchMax) return this.#handOver(all, false);
    this.#fresh = [];
    this.#behind = true;
  }

  async #withOthers(fresh: readonly OutboxEntry[]): Promise<readonly OutboxEntry[]> {
    const { db, subscriber } = this.#options;
    const known = [...fresh, ...this.#fresh].map(({ seq }) => seq);
    const last = Math.max(...fresh.map(({ seq }) => seq));
    try {
      const others = await db.query<Row>(readRowsBefore, [subscriber, [...known, ...this.#handed], last]);
      return [...this.#entriesOf(others), ...fresh].sort((a, b) => a.seq - b.seq);
    } catch (error) {
      this.#fresh = [];
      this.#behind = true;
      throw error;
    }
  }

  #entriesOf(rows: readonly Row[]): OutboxEntry[] {
    const { subscriber } = this.#options;
    return rows.map(({ seq, body, ...row }) => ({ seq, subscriber, message: { ...body, ...row } as Message }));
  }

  async #catchUp(): Promise<void> {
    this.#behind = false;
    const offered = this.#fresh;
    this.#fresh = [];
    try {
      const rows = await this.#options.db.query<Row>(readRows, [this.#options.subscriber, [...this.#handed]]);
      if (rows.length === batchMax) this.#behind = true;
      await this.#handOver(this.#entriesOf(rows), true);
      if (!this.#behind) {
        const done = new Set(rows.map((row) => row.seq));
        this.#fresh = [...offered, ...this.#fresh].filter((entry) => !done.has(entry.seq));
      }
    } catch (error) {
      this.#behind = true;
      throw error;
    }
  }

  async #handOver(entries: readonly OutboxEntry[], removeNow: boolean): Promise<void> {
    if (entries.length === 0) return;
    crashPoint('relay.before-delivery');
    try {
      await this.#options.transport.deliver(
        this.#options.subscriber,
        entries.map((entry) => entry.message),
      );
    } catch (error) {
      this.#fresh = [];
      this.#behind = true;
      throw error;
    }
    crashPoint('relay.before-removal');
    const seqs = entries.map((entry) => entry.seq);
    for (const seq of seqs) this.#handed.add(seq);
    const forget = () => {
      for (const seq of seqs) this.#handed.delete(seq);
    };
    const removed = this.#options.confirm(seqs);
    removed.then(forget, forget);
    // While reading the table, rows must be gone before it is read again.
    if (removeNow) await removed;
    else removed.catch(() => this.fallBehind());
  }

  #yield(): void {
    this.#fresh = [];
    this.#behind = true;
    this.#yielded = true;
  }

  async #pause(error: unknown): Promise<void> {
    this.#failures++;
    const delayMs =
      Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(this.#failures, 10)) * (0.5 + Math.random() / 2);
    this.#warn(error);
    await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
  /** A first failure may be a passing one. A subscriber that takes nothing for long is somebody's business, for as long as that lasts. */
  #warn(error: unknown): void {
    const { subscriber, warnEveryMs, log } = this.#options;
    const nowMs = performance.now();
    if (this.#failures < 3 || (this.#failures > 3 && nowMs - this.#warnedAtMs < warnEveryMs)) return;
    this.#warnedAtMs = nowMs;
    log.warn({ subscriber, failures: this.#failures, err: error }, 'messages wait: the subscriber cannot take them');
  }
}
