export { Database, type TransactionOptions } from './database.ts';
export { isAway } from './is-away.ts';
export type { Listening } from './listen.ts';
export { type Migration, migrate, readMigrations } from './migrate.ts';
export {
  type DatabaseOptions,
  isDatabaseAway,
  isUnanswered,
  sqlState,
  violatedConstraint,
} from './pool.ts';
export { reachDatabase } from './reach.ts';
export { type Columns, insertRows, insertText } from './rows.ts';
export { type Sql, type Tx, type Writer, writer } from './sql.ts';
