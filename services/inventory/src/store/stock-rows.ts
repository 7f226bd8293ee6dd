import type { Stock } from '@stoa/contracts/inventory';
import type { Sql } from '@stoa/platform/sql';
import { lowStockThresholdDefault, mainLocation, type SkuSetting, type StockRow, stockOf } from '../domain/stock.ts';

/** Columns of the table `s`, named as a StockRow. */
export const stockColumns = `s.sku, s.location_id as "locationId", s.on_hand as "onHand", s.reserved, s.received, s.returned, s.adjusted, s.sold,
  s.damaged, s.version`;

/** What everybody may see of a SKU. */
export interface DisplayedStock {
  readonly sku: string;
  readonly available: number;
  /** The same as of the whole stock. */
  readonly version: number;
}

interface SkuRow {
  readonly sku: string;
  readonly rows: readonly StockRow[];
  readonly setting: SkuSetting | null;
}

const rowsAsJson = `json_agg(
  json_build_object(
    'sku', s.sku, 'locationId', s.location_id, 'onHand', s.on_hand, 'reserved', s.reserved, 'received', s.received,
    'returned', s.returned, 'adjusted', s.adjusted, 'sold', s.sold, 'damaged', s.damaged, 'version', s.version
  ) order by s.location_id <> '${mainLocation}', s.location_id
)`;

const settingAsJson = `(
  select json_build_object('lowStockThreshold', g.low_stock_threshold, 'version', g.version) from sku_setting g where g.sku = s.sku
)`;

const one = `select s.sku, ${rowsAsJson} as rows, ${settingAsJson} as setting from stock s where s.sku = $1 group by s.sku`;

const list = `
select s.sku, ${rowsAsJson} as rows, ${settingAsJson} as setting from stock s where s.sku > $1 group by s.sku order by s.sku limit $2`;

const lowList = `
select s.sku, ${rowsAsJson} as rows, ${settingAsJson} as setting
from stock s left join sku_setting g using (sku)
where s.sku > $1
group by s.sku, g.low_stock_threshold
having sum(s.on_hand - s.reserved) <= coalesce(g.low_stock_threshold, ${lowStockThresholdDefault})
order by s.sku limit $2`;

const displayed = `
select s.sku, sum(s.on_hand - s.reserved)::bigint as available, (sum(s.version) + coalesce(max(g.version), 0))::bigint as version
from stock s left join sku_setting g using (sku)
where s.sku = any($1) group by s.sku`;

export async function findStock(sql: Sql, sku: string): Promise<Stock | undefined> {
  const [row] = await sql.query<SkuRow>(one, [sku]);
  return row && toStock(row);
}

/** Stock of up to `limit` SKUs after one, in order. */
export async function listStock(sql: Sql, page: { afterSku: string; limit: number; low: boolean }): Promise<Stock[]> {
  const rows = await sql.query<SkuRow>(page.low ? lowList : list, [page.afterSku, page.limit]);
  return rows.map(toStock);
}

/** What is shown of the SKUs that were ever stocked. */
export function findDisplayed(sql: Sql, skus: readonly string[]): Promise<DisplayedStock[]> {
  return sql.query(displayed, [skus]);
}

/** Keeps a SKU's counts as they are until the transaction ends, and lets nobody else who does so bring it to another location. */
export async function lockSku(sql: Sql, sku: string): Promise<void> {
  await sql.query(`select pg_advisory_xact_lock(hashtext('sku'), hashtext($1))`, [sku]);
  await sql.query(
    `select 1 from stock where sku = $1 order by location_id <> '${mainLocation}', location_id for update`,
    [sku],
  );
}

/** Sets the threshold of a SKU that is locked. */
export async function changeThreshold(sql: Sql, sku: string, lowStockThreshold: number): Promise<void> {
  await sql.query(
    `insert into sku_setting (sku, low_stock_threshold, version) values ($1, $2, 1)
    on conflict (sku) do update set low_stock_threshold = excluded.low_stock_threshold, version = sku_setting.version + 1`,
    [sku, lowStockThreshold],
  );
}

function toStock({ sku, rows, setting }: SkuRow): Stock {
  return stockOf(sku, rows, setting ?? undefined);
}
