import type { ProductSort } from '@stoa/contracts/product';
import type { Sql } from '@stoa/platform/sql';
import { type RawBuilder, sql } from 'kysely';
import { allOf, conditionsOf, type Filter, priceConditions, run, tsquery } from './filter.ts';
import { type ProductRow, productColumnsText } from './product-rows.ts';

/** Where a row stands in its list: what it is sorted by, then its id. */
export interface Position {
  readonly value: string | number;
  readonly id: string;
}

export interface ListedRow extends ProductRow {
  readonly sort_value: string | number;
}

interface Order {
  /** Undefined when the id alone sorts. */
  readonly value: RawBuilder<unknown> | undefined;
  /** Type of the value, for a parameter of it. */
  readonly type: 'real' | 'bigint' | 'text';
  readonly id: RawBuilder<unknown>;
  readonly direction: 'asc' | 'desc';
}

/** Up to `limit` products after a position. Every sort ends in the id, so that no product is shown twice or left out while others are added. */
export function findProducts(
  db: Sql,
  { filter, sort, after, limit }: { filter: Filter; sort: ProductSort; after: Position | undefined; limit: number },
): Promise<ListedRow[]> {
  const byPrice = sort === 'price' || sort === '-price';
  const conditions = byPrice
    ? [...conditionsOf(filter, { price: true }), ...priceConditions(filter)]
    : conditionsOf(filter);
  const order = orderOf(sort, filter);
  if (after !== undefined) conditions.push(afterPosition(order, after));
  const direction = sql.raw(order.direction);
  const sorted = order.value === undefined ? sql`` : sql`sort_value ${direction}, `;
  // Variants are read for the page's rows only, so that the page is found first.
  return run<ListedRow>(
    db,
    sql`select ${sql.raw(productColumnsText)}, p.sort_value
      from (
        select p.*, ${order.value ?? sql`0`} as sort_value
        from ${byPrice ? sql`product_price pp join product p on p.id = pp.product_id` : sql`product p`}
        where ${allOf(conditions)}
        order by ${sorted}${order.id} ${direction}
        limit ${limit}
      ) p
      order by ${sorted}p.id ${direction}`,
  );
}

function orderOf(sort: ProductSort, filter: Filter): Order {
  if (sort === 'title') return { value: sql`p.title_key`, type: 'text', id: sql`p.id`, direction: 'asc' };
  if (sort === 'price') return { value: sql`pp.amount`, type: 'bigint', id: sql`pp.product_id`, direction: 'asc' };
  if (sort === '-price') return { value: sql`pp.amount`, type: 'bigint', id: sql`pp.product_id`, direction: 'desc' };
  if (sort === 'relevance' && filter.search !== undefined) {
    return { value: sql`ts_rank(p.search, ${tsquery(filter.search)})`, type: 'real', id: sql`p.id`, direction: 'desc' };
  }
  // Ids are made in the order of time.
  return { value: undefined, type: 'bigint', id: sql`p.id`, direction: 'desc' };
}

function afterPosition({ value, type, id, direction }: Order, after: Position): RawBuilder<unknown> {
  const beyond = sql.raw(direction === 'asc' ? '>' : '<');
  if (value === undefined) return sql`${id} ${beyond} ${after.id}::uuid`;
  return sql`(${value}, ${id}) ${beyond} (${after.value}::${sql.raw(type)}, ${after.id}::uuid)`;
}
