/** Whatever can run a statement: a database (each statement its own transaction) or a transaction. */
export interface Sql {
  /**
   * Runs one prepared statement and returns its rows. `bigint` comes as a number, `timestamptz` as RFC 3339 text in UTC.
   * Faults: `service.unavailable` when the server cannot be reached.
   */
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

/** Rows that are written at the end of a transaction, all of them in one statement. */
export interface Writer<Row> {
  readonly name: string;
  /** Writers with a lower number write first. Streams 10, domain rows 20, sagas 30, effects 40, outbox 50. */
  readonly order: number;
  /** Sends its statements in the turn in which it is called: the commit follows without waiting for their answers. */
  write(tx: Tx, rows: readonly Row[]): Promise<unknown>;
}

/** Makes a writer. One a table and kind of write, made once at module level. */
export function writer<Row>(name: string, order: number, write: Writer<Row>['write']): Writer<Row> {
  return { name, order, write };
}

/** A transaction. What is deferred is written just before the commit; if anything fails, nothing has happened. */
export interface Tx extends Sql {
  /** Writes the row at the end of the transaction, together with all others of the same writer. */
  defer<Row>(writer: Writer<Row>, row: Row): void;
  /** Runs after the commit, never after a rollback. For waking workers and filling caches; must not throw. */
  afterCommit(run: () => void): void;
}
