import { isDatabaseAway, isStandingStill, isUnanswered } from './pool.ts';
import type { Sql } from './sql.ts';

/**
 * Whether work failed because its database is away: then nothing was tried, and nothing is to be counted. A statement that took too long and a transaction
 * that stood still may be the work's own doing; a database that answers now says that they were. Otherwise what always ends so would come again for ever, as if
 * nobody had tried.
 */
export async function isAway(sql: Sql, error: unknown): Promise<boolean> {
  if (!isUnanswered(error) && !isStandingStill(error)) return isDatabaseAway(error);
  return sql.query('select 1').then(
    () => false,
    () => true,
  );
}
