import type { Sql } from '../sql/index.ts';

const dayMs = 86_400_000;
const keptDays = 30;

/** The smallest UUIDv7 of an instant. */
function lowestId(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/**
 * Makes the partitions of the coming days and drops those whose messages are older than thirty days, by the database's clock: a process whose own is a month
 * ahead would let messages take effect again. Run at start and daily. `laterMs` is for tests.
 */
export async function tendMarks(sql: Sql, laterMs = 0): Promise<void> {
  const [clock] = await sql.query<{ ms: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
    [],
  );
  const nowMs = (clock?.ms ?? 0) + laterMs;
  const today = Math.floor(nowMs / dayMs) * dayMs;
  const partitions = await sql.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'kit.mark'::regclass`,
  );
  const names = new Set(partitions.map((row) => row.name));
  for (let day = today; day <= today + 7 * dayMs; day += dayMs) {
    const name = nameOf(day);
    if (names.has(name)) continue;
    await sql
      .query(
        `create table if not exists kit.${name} partition of kit.mark for values from ('${lowestId(day)}') to ('${lowestId(day + dayMs)}')`,
      )
      // Marks of that day are in the default partition already, which serves them as well; or another process is making it just now.
      .catch((error: { code?: string }) => {
        if (error.code !== '23514' && error.code !== '42P07') throw error;
      });
  }
  for (const name of names) {
    const match = /^mark_(\d{4})(\d\d)(\d\d)$/.exec(name);
    if (match && Date.parse(`${match[1]}-${match[2]}-${match[3]}`) < today - keptDays * dayMs) {
      await sql.query(`drop table kit.${name}`);
    }
  }
  await sql.query('delete from kit.mark_default where id < $1', [lowestId(today - keptDays * dayMs)]);
  await sql.query(`delete from kit.step where changed_at < now() - interval '${keptDays} days'`);
}

function nameOf(dayStartMs: number): string {
  return `mark_${new Date(dayStartMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
}
