import type { AdjustmentInput, Movement, Stock } from '@stoa/contracts/inventory';
import type { Sql } from '@stoa/platform/sql';
import { onHandChange } from '../domain/adjustment.ts';
import { mainLocation, type SkuSetting, type StockRow, stockOf } from '../domain/stock.ts';

export type NewAdjustment = Omit<Movement, 'kind' | 'orderId'> & Pick<AdjustmentInput, 'kind'>;

const changed = `
  on_hand = s.on_hand + $3, received = s.received + $4, returned = s.returned + $5, adjusted = s.adjusted + $6, damaged = s.damaged + $7,
  version = s.version + 1`;

// The row that more goods come to is made when there is none.
const raise = `
insert into stock as s (sku, location_id, on_hand, reserved, received, returned, adjusted, sold, damaged, version)
values ($1, $2, $3, 0, $4, $5, $6, 0, $7, 1)
on conflict (sku, location_id) do update set ${changed}`;

const lower = `update stock s set ${changed} where s.sku = $1 and s.location_id = $2 and s.on_hand + $3 >= s.reserved`;

const adjustAndRecord = (change: string) => `
with moved as (${change} returning s.*),
recorded as (
  insert into ledger (id, sku, location_id, kind, quantity, reason, actor, order_id, at)
  select $8::uuid, sku, location_id, $9, $10::bigint, $11, $12, null, $13::timestamptz from moved
),
rows as (
  select * from moved
  union all
  select * from stock where sku = $1 and location_id <> $2
)
select s.location_id as "locationId", s.on_hand as "onHand", s.reserved, s.received, s.returned, s.adjusted, s.sold, s.damaged, s.version,
  s.sku, (select json_build_object('lowStockThreshold', g.low_stock_threshold, 'version', g.version) from sku_setting g where g.sku = $1) as setting
from rows s where exists (select from moved)
order by s.location_id <> '${mainLocation}', s.location_id`;

const raiseAndRecord = adjustAndRecord(raise);
const lowerAndRecord = adjustAndRecord(lower);

/** Carries an adjustment out in one statement and returns the SKU's stock; undefined when less would be left than is reserved. */
export async function adjust(sql: Sql, adjustment: NewAdjustment): Promise<Stock | undefined> {
  const { id, sku, locationId, kind, quantity, reason, actor, at } = adjustment;
  const onHand = onHandChange(adjustment);
  const column = (name: AdjustmentInput['kind']) => (name === kind ? quantity : 0);
  const rows = await sql.query<StockRow & { setting: SkuSetting | null }>(
    onHand > 0 ? raiseAndRecord : lowerAndRecord,
    [
      sku,
      locationId,
      onHand,
      column('received'),
      column('returned'),
      column('adjusted'),
      column('damaged'),
      id,
      kind,
      quantity,
      reason,
      actor,
      at,
    ],
  );
  const [first] = rows;
  if (!first) return undefined;
  return stockOf(
    sku,
    rows.map(({ setting: _, ...row }) => row),
    first.setting ?? undefined,
  );
}
