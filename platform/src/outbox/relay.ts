import type { Logger } from 'pino';
import type { Database, Listening } from '../sql/index.ts';
import type { Transport } from '../transport/index.ts';
import { Lane } from './lane.ts';
import { Lease } from './lease.ts';
import type { OutboxEntry } from './outbox.ts';

export interface RelayOptions {
  readonly db: Database;
  readonly transport: Transport;
  readonly log: Logger;
  /** Whether other processes may work on the same database: then what they commit is handed on as soon as what this one does. */
  readonly hasPeers?: boolean;
  /** Milliseconds between two looks for rows that nobody offered; 1,000 unless given. */
  readonly lookEveryMs?: number;
  /** Milliseconds after which it is said again that a subscriber takes nothing; 60,000 unless given. */
  readonly warnEveryMs?: number;
}

const lookEveryMsDefault = 1_000;
const warnEveryMsDefault = 60_000;
const removeAfterMs = 10;
const channel = 'stoa_outbox';
/** Commits of so many milliseconds are told of together. */
const tellAfterMs = 2;
/** Rows this old should long have been handed over from memory. */
const overdueMs = 500;

const remove = `
delete from kit.outbox o using unnest($1::text[], $2::bigint[]) as gone(subscriber, seq)
where o.subscriber = gone.subscriber and o.seq = gone.seq`;

/**
 * Subscribers whose lowest row is old enough. A jump a subscriber along the primary key, however many rows they have: with one away for an hour there are
 * hundreds of thousands, and this is asked once a second and for what peers commit. Whichever row is overdue becomes the lowest before long. A row from the future
 * is of before a clock was set back.
 */
const findWaiting = `
with recursive lowest as (
  (select subscriber, created_at from kit.outbox order by subscriber, seq limit 1)
  union all
  select next.subscriber, next.created_at from lowest cross join lateral (
    select o.subscriber, o.created_at from kit.outbox o where o.subscriber > lowest.subscriber
    order by o.subscriber, o.seq limit 1
  ) next
)
select subscriber from lowest where created_at not between clock_timestamp() - $1 * interval '1 millisecond' and clock_timestamp()`;

/** Hands committed messages over and removes them once they are safe at their subscriber. One relay a database is active. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #lease: Lease;
  #looking: NodeJS.Timeout | undefined;
  #isLooking = false;
  /** How old rows have to be for the look after this one; undefined when nobody has asked for it. */
  #lookAgainMs: number | undefined;
  #confirmed: { subscriber: string; seq: number }[] = [];
  #removal: Promise<void> | undefined;
  #listening: Listening | undefined;
  #telling: NodeJS.Timeout | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#lease = new Lease(options.db, 'relay', () => this.#lookFor(0));
  }

  start(): void {
    this.#lease.start();
    this.#looking = setInterval(() => this.#lookFor(overdueMs), this.#options.lookEveryMs ?? lookEveryMsDefault);
    if (this.#options.hasPeers) this.#listening = this.#options.db.listen(channel, () => this.#lookFor(0));
  }

  /** Takes what has just been committed in this process. */
  offer(entries: readonly OutboxEntry[]): void {
    if (!this.#lease.held) this.#tellHolder();
    else for (const entry of entries) this.#lane(entry.subscriber).offer(entry);
  }

  async stop(): Promise<void> {
    clearInterval(this.#looking);
    clearTimeout(this.#telling);
    await this.#listening?.stop();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    await this.#removal?.catch(() => undefined);
    await this.#lease.stop();
  }

  /** Outside the transaction that committed: a notification within one would make commits wait for each other. */
  #tellHolder(): void {
    if (!this.#options.hasPeers) return;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      // Whoever holds the lease finds the rows by itself, only later.
      this.#options.db.query(`notify ${channel}`, []).catch(() => undefined);
    }, tellAfterMs);
  }

  /** The backstop: finds rows that nobody offered, committed by another process or before a start. One look at a time, however many ask for one. */
  #lookFor(olderThanMs: number): void {
    this.#lookAgainMs = Math.min(olderThanMs, this.#lookAgainMs ?? olderThanMs);
    if (!this.#isLooking) void this.#lookWhileAsked();
  }

  async #lookWhileAsked(): Promise<void> {
    this.#isLooking = true;
    while (this.#lookAgainMs !== undefined && this.#lease.held) {
      const olderThanMs = this.#lookAgainMs;
      this.#lookAgainMs = undefined;
      try {
        const rows = await this.#options.db.query<{ subscriber: string }>(findWaiting, [olderThanMs]);
        for (const { subscriber } of rows) this.#lane(subscriber).fallBehind();
      } catch {
        // The database is away; the next look finds them.
      }
    }
    this.#lookAgainMs = undefined;
    this.#isLooking = false;
  }

  #lane(subscriber: string): Lane {
    let lane = this.#lanes.get(subscriber);
    if (!lane) {
      const { db, transport, log, warnEveryMs = warnEveryMsDefault } = this.#options;
      lane = new Lane({
        subscriber,
        db,
        transport,
        log,
        warnEveryMs,
        active: () => this.#lease.held,
        confirm: (seqs) => this.#remove(subscriber, seqs),
      });
      this.#lanes.set(subscriber, lane);
    }
    return lane;
  }

  /** Removes rows, those of all lanes together. */
  #remove(subscriber: string, seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.#confirmed.push({ subscriber, seq });
    this.#removal ??= new Promise<void>((resolve, reject) => {
      setTimeout(() => {
        const confirmed = this.#confirmed;
        this.#confirmed = [];
        this.#removal = undefined;
        this.#options.db
          .query(remove, [confirmed.map((row) => row.subscriber), confirmed.map((row) => row.seq)])
          .then(() => resolve(), reject);
      }, removeAfterMs);
    });
    return this.#removal;
  }
}
