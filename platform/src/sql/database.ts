import type pg from 'pg';
import { assert, findAppError } from '../errors/index.ts';
import { GroupCommit } from './group.ts';
import { type Listening, listen } from './listen.ts';
import {
  type DatabaseOptions,
  endOfStandingStill,
  isConnectionError,
  ofDatabase,
  openPool,
  sqlState,
  wrapSqlError,
} from './pool.ts';
import { Silence, socketOf } from './silence.ts';
import type { Sql, Tx } from './sql.ts';
import { openTx, Pending } from './transaction.ts';

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** How often a serialization failure or deadlock is tried again; 5 unless given. */
  readonly retriesMax?: number;
  /** In place of the database's own: what changes tables may take long. */
  readonly silenceMsMax?: number;
}

const retryable = new Set(['40001', '40P01']);
/** Refused because an earlier statement of the transaction failed. */
const transactionAborted = '25P02';
const namesMax = 1_000;
const silenceMsDefault = 30_000;

/** A service's PostgreSQL database. */
export class Database implements Sql {
  readonly name: string;
  readonly #url: string;
  readonly #pool: pg.Pool;
  readonly #names = new Map<string, string>();
  readonly #prepared: boolean;
  readonly #group: GroupCommit;
  readonly #silence = new Silence();
  readonly #silenceMsMax: number;
  #statements = 0;

  constructor(options: DatabaseOptions) {
    this.name = options.name ?? 'the service';
    this.#url = options.url;
    this.#pool = openPool(options);
    this.#prepared = options.prepared !== 'off';
    this.#group = new GroupCommit(this);
    this.#silenceMsMax = options.silenceMsMax ?? silenceMsDefault;
  }

  /** Connections in all, idle, and callers waiting for one; statements sent since the start. */
  get usage(): { total: number; idle: number; waiting: number; statements: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { total: totalCount, idle: idleCount, waiting: waitingCount, statements: this.#statements };
  }

  async query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]> {
    try {
      const client = await this.#connect();
      let broken: Error | undefined;
      try {
        return (await this.#send(client, text, values)).rows as R[];
      } catch (error) {
        if (sqlState(error) === undefined) broken = error as Error;
        throw error;
      } finally {
        client.release(broken);
      }
    } catch (error) {
      throw wrapSqlError(error, this.name);
    }
  }

  /** Calls back when another process of this database has said `notify channel`; may miss some, and calls once after connecting. */
  listen(channel: string, hear: () => void): Listening {
    return listen(this.#url, channel, hear);
  }

  /**
   * Runs `work` in a transaction: everything it does and defers is committed together, or nothing is. Serialization failures and deadlocks
   * are tried again, so `work` may run more than once and must have no effect outside the transaction.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(work, options);
      } catch (error) {
        const again = retryable.has(sqlState(error) ?? '') || findAppError(error)?.code === 'stream.conflict';
        if (!again || attempt > (options.retriesMax ?? 5)) throw wrapSqlError(error, this.name);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt));
      }
    }
  }

  /**
   * Runs `work` in a transaction shared with whatever else is waiting to commit: one begin, one statement a writer and one commit for all of
   * them. `work` may only defer and read what is not changed here; if the shared transaction fails, each is run again alone.
   */
  grouped<T>(work: (tx: Tx) => T | Promise<T>): Promise<T> {
    return this.#group.run(work);
  }

  async close(): Promise<void> {
    await this.#pool.end();
    this.#silence.stop();
  }

  async #connect(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#pool.connect().catch((error: Error) => {
        throw ofDatabase(error);
      });
      if (!this.#silence.isSuspect(client)) return client;
      client.release(true);
    }
  }

  async #attempt<T>(work: (tx: Tx) => Promise<T>, options: TransactionOptions): Promise<T> {
    const client = await this.#connect();
    const { silenceMsMax } = options;
    const pending = new Pending();
    let broken: Error | undefined;
    let first: unknown;
    let ending = false;
    try {
      const begin = options.isolation ? `begin isolation level ${options.isolation}` : 'begin';
      const begun = this.#send(client, begin, undefined, silenceMsMax);
      begun.catch(() => undefined);
      const sql: Sql = {
        query: async <R extends object>(text: string, values?: readonly unknown[]) => {
          // The commit follows the writers' statements without waiting for their answers: what comes later would run outside the transaction.
          assert(!ending, 'a statement was sent to a transaction after its end');
          const answered = this.#send(client, text, values, silenceMsMax);
          answered.catch((error: unknown) => {
            first ??= error;
          });
          return (await answered).rows as R[];
        },
      };
      const tx = openTx(sql, pending);
      const result = await work(tx);
      const sent = [begun, ...pending.flush(tx)];
      ending = true;
      const ended = this.#send(client, 'commit', undefined, silenceMsMax);
      const outcomes = await Promise.allSettled([...sent, ended]);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
      // PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, without an error.
      if ((await ended).command !== 'COMMIT') throw first ?? new Error('the transaction was rolled back');
      pending.committed();
      return result;
    } catch (error) {
      ending = true;
      await this.#send(client, 'rollback').catch((lost: Error) => {
        broken = lost;
      });
      // Of statements sent together, those behind the one that failed are refused because the transaction is aborted, and `work` may
      // hear of such a refusal first.
      if (sqlState(error) === transactionAborted && first !== undefined) throw first;
      throw (isConnectionError(error) && endOfStandingStill(client)) || error;
    } finally {
      client.release(broken);
    }
  }

  #send(
    client: pg.ClientBase,
    text: string,
    values?: readonly unknown[],
    silenceMsMax = this.#silenceMsMax,
  ): Promise<pg.QueryResult> {
    this.#statements++;
    holdWrites(client);
    const name = this.#prepared && values !== undefined ? this.#nameOf(text) : undefined;
    const answered = client.query({ text, ...(values && { values: values as unknown[] }), ...(name && { name }) });
    answered.catch(ofDatabase);
    this.#silence.watch(client, answered, silenceMsMax);
    return answered;
  }

  #nameOf(text: string): string | undefined {
    let name = this.#names.get(text);
    if (name === undefined && this.#names.size < namesMax) {
      name = `s${this.#names.size}`;
      this.#names.set(text, name);
    }
    return name;
  }
}

const held = new WeakSet<object>();

/** Lets statements that are sent in one turn leave in one write: system calls are the largest part of what a statement costs here. */
function holdWrites(client: pg.ClientBase): void {
  const stream = socketOf(client);
  if (held.has(stream)) return;
  held.add(stream);
  stream.cork();
  process.nextTick(() => {
    held.delete(stream);
    stream.uncork();
  });
}
