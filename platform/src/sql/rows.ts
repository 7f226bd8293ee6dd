import type { Sql } from './sql.ts';

/** Columns of a table that are written together, with their PostgreSQL types: `{ id: 'uuid', payload: 'jsonb' }`. */
export type Columns = Readonly<Record<string, string>>;

/**
 * The text of an insert of any number of rows in one statement. The rows travel as one JSON parameter
 * (`json_to_recordset`), so the statement is prepared once whatever their number.
 *
 * @param tail what follows the select: `on conflict do nothing`, `returning id`
 */
export function insertText(table: string, columns: Columns, tail = ''): string {
  const names = Object.keys(columns).map((name) => `"${name}"`);
  const typed = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
  return `insert into ${table} (${names.join(', ')})
select ${names.map((name) => `r.${name}`).join(', ')} from json_to_recordset($1::json) as r(${typed.join(', ')}) ${tail}`;
}

/** Inserts rows in one statement. Does nothing for no rows. */
export async function insertRows<R extends object>(sql: Sql, text: string, rows: readonly object[]): Promise<R[]> {
  if (rows.length === 0) return [];
  return sql.query<R>(text, [JSON.stringify(rows)]);
}
