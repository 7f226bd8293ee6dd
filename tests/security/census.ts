import type { WatchedShop } from './open-shop.ts';

/** How many rows there are, and what is in them, by table. */
export type Census = Readonly<Record<string, string>>;

/** Tables that the shop writes to by itself, whoever asks for whatever. */
const restless = /^(user\.public\.(session|api_key)|[a-z]+\.kit\.(lease|heartbeat|worker))$/;

/** Counts every row in every database and sums up what is in it: two that are equal saw the same. */
export async function takeCensus(shop: WatchedShop): Promise<Census> {
  const census: Record<string, string> = {};
  for (const service of shop.serviceNames) {
    const tables = await shop.query<{ name: string }>(
      service,
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'kit')`,
    );
    for (const { name } of tables) {
      const [row] = await shop.query<{ rows: number; content: string }>(
        service,
        `select count(*) as rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text as content from ${name} t`,
      );
      const { rows, content } = row as { rows: number; content: string };
      const table = `${service}.${name}`;
      census[table] = restless.test(table) ? `${rows} rows` : `${rows} rows, ${content}`;
    }
  }
  return census;
}

/** Tables that changed between two censuses. */
export function changesBetween(before: Census, after: Census): string[] {
  return Object.keys(after)
    .filter((table) => before[table] !== after[table])
    .map((table) => `${table}: ${before[table]}, then ${after[table]}`);
}
