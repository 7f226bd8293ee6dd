import type { Sql } from '@stoa/platform/sql';
import type { Reservation } from '../domain/reservation.ts';
import type { Portion, StockChange } from '../domain/shelf.ts';

/** A line of the ledger before it is written. */
export interface NewMovement extends Portion {
  readonly id: string;
  readonly kind: 'returned' | 'sold';
  readonly reason: string | null;
  readonly actor: string;
  readonly orderId: string;
  readonly at: string;
}

/** Everything that a batch of commands comes to. */
export interface BatchWrites {
  readonly stock: readonly StockChange[];
  readonly taken?: readonly Omit<Reservation, 'state' | 'returned'>[];
  readonly changed?: readonly Reservation[];
  readonly movements?: readonly NewMovement[];
  readonly restocks?: readonly { readonly restockId: string; readonly orderId: string }[];
}

// One statement for all tables: a batch of two hundred orders costs a single round trip.
const write = `
with taken as (
  insert into reservation (order_id, sku, location_id, quantity, state)
  select "orderId", sku, "locationId", quantity, 'held'
  from json_to_recordset($2::json) as r("orderId" uuid, sku text, "locationId" text, quantity bigint)
), changed as (
  update reservation t set state = r.state, quantity = r.quantity, returned = r.returned
  from json_to_recordset($3::json) as r("orderId" uuid, sku text, "locationId" text, quantity bigint, returned bigint, state text)
  where t.order_id = r."orderId" and t.sku = r.sku and t.location_id = r."locationId"
), moved as (
  insert into ledger (id, sku, location_id, kind, quantity, reason, actor, order_id, at)
  select id, sku, "locationId", kind, quantity, reason, actor, "orderId", at
  from json_to_recordset($4::json) as r(
    id uuid, sku text, "locationId" text, kind text, quantity bigint, reason text, actor text, "orderId" uuid, at timestamptz
  )
), restocked as (
  insert into restock (restock_id, order_id)
  select "restockId", "orderId" from json_to_recordset($5::json) as r("restockId" uuid, "orderId" uuid)
)
update stock s set
  on_hand = s.on_hand + r."onHand", reserved = s.reserved + r.reserved, returned = s.returned + r.returned, sold = s.sold + r.sold,
  version = s.version + 1
from json_to_recordset($1::json) as r(
  sku text, "locationId" text, "onHand" bigint, reserved bigint, returned bigint, sold bigint
)
where s.sku = r.sku and s.location_id = r."locationId"`;

/** Writes what a batch comes to. The rows are locked by the caller. */
export async function writeBatch(
  tx: Sql,
  { stock, taken = [], changed = [], movements = [], restocks = [] }: BatchWrites,
): Promise<void> {
  if (stock.length + taken.length + changed.length + movements.length + restocks.length === 0) return;
  await tx.query(
    write,
    [stock, taken, changed, movements, restocks].map((rows) => JSON.stringify(rows)),
  );
}

const reservationsOf = `
select order_id as "orderId", sku, location_id as "locationId", quantity, returned, state from reservation
where order_id = any($1) order by order_id, sku, location_id <> 'main', location_id
for update`;

/** What the orders hold and have bought, by order; locked. */
export async function lockReservations(tx: Sql, orderIds: readonly string[]): Promise<Map<string, Reservation[]>> {
  return Map.groupBy(await tx.query<Reservation>(reservationsOf, [orderIds]), (row) => row.orderId);
}

/** Which of the restocks have been carried out. */
export async function findRestocks(tx: Sql, restockIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>('select restock_id as id from restock where restock_id = any($1)', [
    restockIds,
  ]);
  return new Set(rows.map((row) => row.id));
}
