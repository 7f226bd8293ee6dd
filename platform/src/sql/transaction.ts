import type { Sql, Tx, Writer } from './sql.ts';

/** A transaction's writes that wait for its end, and what follows its commit. */
export class Pending {
  readonly #rows = new Map<Writer<never>, unknown[]>();
  readonly #after: (() => void)[] = [];

  defer<Row>(writer: Writer<Row>, row: Row): void {
    const rows = this.#rows.get(writer as Writer<never>);
    if (rows) rows.push(row);
    else this.#rows.set(writer as Writer<never>, [row]);
  }

  afterCommit(run: () => void): void {
    this.#after.push(run);
  }

  /** Hands what waits here to another transaction. */
  replay(tx: Pick<Tx, 'defer' | 'afterCommit'>): void {
    for (const [writer, rows] of this.#rows) for (const row of rows) tx.defer(writer as Writer<unknown>, row);
    for (const run of this.#after) tx.afterCommit(run);
  }

  /** Sends every write, one statement a writer, and returns their promises. A writer may defer rows of later writers. */
  flush(tx: Tx): Promise<unknown>[] {
    const sent: Promise<unknown>[] = [];
    const done = new Set<Writer<never>>();
    for (;;) {
      const next = [...this.#rows.keys()].filter((writer) => !done.has(writer)).sort((a, b) => a.order - b.order)[0];
      if (!next) return sent;
      done.add(next);
      sent.push(next.write(tx, (this.#rows.get(next) ?? []) as never[]));
    }
  }

  /** Tells every follower. One that throws has a bug, which must neither keep the others from hearing nor look like a transaction that failed. */
  committed(): void {
    for (const run of this.#after) {
      try {
        run();
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }
}

/** A transaction's handle: its own pending writes on a connection that may be shared with its group. */
export function openTx(sql: Sql, pending: Pending): Tx {
  return {
    query: (text, values) => sql.query(text, values),
    defer: (writer, row) => pending.defer(writer, row),
    afterCommit: (run) => pending.afterCommit(run),
  };
}
