import { type Sql, type Tx, type Writer, writer } from '@stoa/platform/sql';
import type { KeptItem } from '../domain/cart.ts';

export interface CartRow {
  readonly id: string;
  readonly user_id: string | null;
  readonly currency: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly order_id: string | null;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
  /** In the order in which they were put in. */
  readonly items: readonly KeptItem[];
}

export async function insertCart(
  sql: Sql,
  cart: Pick<CartRow, 'id' | 'user_id' | 'currency' | 'metadata'>,
): Promise<void> {
  const { id, user_id, currency, metadata } = cart;
  await sql.query('insert into cart (id, user_id, currency, currency_chosen, metadata) values ($1, $2, $3, $4, $5)', [
    id,
    user_id,
    currency,
    currency !== null,
    JSON.stringify(metadata),
  ]);
}

const carts = `
select c.id, c.user_id, c.currency, c.metadata, c.order_id, c.version, c.created_at, c.updated_at, coalesce(i.items, '[]') as items
from cart c left join lateral (
  select json_agg(json_build_object('sku', sku, 'quantity', quantity, 'title', title, 'unitPrice', unit_price) order by added_at, sku) as items
  from cart_item where cart_id = c.id
) i on true`;

export async function readCart(sql: Sql, id: string): Promise<CartRow | undefined> {
  const rows = await sql.query<CartRow>(`${carts} where c.id = $1`, [id]);
  return rows[0];
}

/** The carts of a user, the newest first. */
export function listCarts(
  sql: Sql,
  { userId, beforeId, limit }: { userId: string; beforeId: string | null; limit: number },
): Promise<CartRow[]> {
  return sql.query<CartRow>(
    `${carts} where c.user_id = $1 and ($2::uuid is null or c.id < $2) order by c.id desc limit $3`,
    [userId, beforeId, limit],
  );
}

/**
 * Locks an open cart and counts a change of it; undefined when it has been ordered, or has not the version asked for.
 *
 * @returns the currency it has now: its own, else the one given
 */
export async function touchCart(
  tx: Tx,
  { id, version, currency }: { id: string; version?: number; currency?: string },
): Promise<{ currency: string | null } | undefined> {
  const rows = await tx.query<{ currency: string | null }>(
    `update cart set version = version + 1, currency = coalesce(currency, $3), updated_at = clock_timestamp()
    where id = $1 and order_id is null and ($2::int is null or version = $2) returning currency`,
    [id, version ?? null, currency ?? null],
  );
  return rows[0];
}

/** Sets an item of a cart that is locked; gives the number of its SKUs. */
export async function putItem(tx: Tx, cartId: string, { sku, quantity, title, unitPrice }: KeptItem): Promise<number> {
  await tx.query(
    `insert into cart_item (cart_id, sku, quantity, title, unit_price) values ($1, $2, $3, $4, $5)
    on conflict (cart_id, sku) do update set quantity = excluded.quantity, title = excluded.title, unit_price = excluded.unit_price`,
    [cartId, sku, quantity, title, JSON.stringify(unitPrice)],
  );
  const [row] = await tx.query<{ count: number }>('select count(*) as count from cart_item where cart_id = $1', [
    cartId,
  ]);
  return row?.count ?? 0;
}

/** Takes an item out of a cart that is locked. With the last goes the currency that came with the first. */
export async function deleteItem(tx: Tx, cartId: string, sku: string): Promise<void> {
  await tx.query('delete from cart_item where cart_id = $1 and sku = $2', [cartId, sku]);
  await tx.query(
    `update cart set currency = null
    where id = $1 and not currency_chosen and not exists (select from cart_item where cart_id = $1)`,
    [cartId],
  );
}

/** Marks a cart as ordered, if it is open and as it was when it was priced. Of two that try, one gets true. */
export async function markOrdered(
  tx: Tx,
  { id, version }: Pick<CartRow, 'id' | 'version'>,
  orderId: string,
): Promise<boolean> {
  const rows = await tx.query(
    `update cart set order_id = $2, version = version + 1, updated_at = clock_timestamp()
    where id = $1 and order_id is null and version = $3 returning id`,
    [id, orderId, version],
  );
  return rows.length > 0;
}

const ordersThatFailed: Writer<string> = writer('carts of orders that failed', 22, (tx, orderIds) =>
  tx.query(
    'update cart set order_id = null, version = version + 1, updated_at = clock_timestamp() where order_id = any($1::uuid[])',
    [orderIds],
  ),
);

/** Opens the cart that an order was made of again, if it was made of one. */
export function reopenCart(tx: Tx, orderId: string): void {
  tx.defer(ordersThatFailed, orderId);
}

/** Deletes the carts of users; says which they were. */
export async function deleteCartsOf(sql: Sql, userIds: readonly string[]): Promise<string[]> {
  const rows = await sql.query<{ id: string }>('delete from cart where user_id = any($1::uuid[]) returning id', [
    userIds,
  ]);
  return rows.map(({ id }) => id);
}

/** Deletes carts that nobody has touched for so many days, at most `limit` of them; says how many. */
export async function deleteOldCarts(sql: Sql, { days, limit }: { days: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from cart where id in (
      select id from cart where updated_at < clock_timestamp() - make_interval(days => $1) order by updated_at limit $2
    ) returning id`,
    [days, limit],
  );
  return rows.length;
}
