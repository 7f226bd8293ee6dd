import type { ProductStatus } from '@stoa/contracts/product';
import { isId } from '@stoa/platform/ids';
import type { Sql } from '@stoa/platform/sql';
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from 'kysely';
import { searchText } from '../domain/search-text.ts';
import { categorySlugOf } from '../domain/slug.ts';

/** Which products a list has. */
export interface Filter {
  readonly statuses: readonly ProductStatus[];
  readonly search?: string | undefined;
  /** Slug or id. */
  readonly category?: string | undefined;
  readonly tag?: string | undefined;
  readonly minPrice?: number | undefined;
  readonly maxPrice?: number | undefined;
  readonly currency?: string | undefined;
}

type Fragment = RawBuilder<unknown>;

// Builds texts only; they are run by the service's own database.
const builder = new Kysely<never>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** Runs a statement put together from fragments. */
export function run<R extends object>(db: Sql, statement: Fragment): Promise<R[]> {
  const { sql: text, parameters } = statement.compile(builder);
  return db.query<R>(text, parameters);
}

export function allOf(conditions: readonly Fragment[]): Fragment {
  return sql.join([...conditions], sql` and `);
}

/** The conditions on `product p`, except those of the parts left out. */
export function conditionsOf(filter: Filter, without: { category?: true; tag?: true; price?: true } = {}): Fragment[] {
  const conditions = [sql`p.status in (${sql.join(filter.statuses.map((status) => sql.lit(status)))})`];
  if (filter.search !== undefined) conditions.push(sql`p.search @@ ${tsquery(filter.search)}`);
  if (filter.category !== undefined && !without.category)
    conditions.push(sql`p.category = any(${slugsBelow(filter.category)})`);
  if (filter.tag !== undefined && !without.tag) conditions.push(sql`p.tags @> array[${filter.tag.trim()}::text]`);
  const priced = filter.minPrice !== undefined || filter.maxPrice !== undefined || filter.currency !== undefined;
  if (priced && !without.price) {
    const price = allOf([sql`pp.product_id = p.id`, ...priceConditions(filter)]);
    conditions.push(sql`exists (select from product_price pp where ${price})`);
  }
  return conditions;
}

/** The conditions on `product_price pp`: which of a product's prices counts, and its limits. */
export function priceConditions(filter: Filter): Fragment[] {
  const conditions = [currencyCondition(filter)];
  if (filter.minPrice !== undefined) conditions.push(sql`pp.amount >= ${filter.minPrice}::bigint`);
  if (filter.maxPrice !== undefined) conditions.push(sql`pp.amount <= ${filter.maxPrice}::bigint`);
  return conditions;
}

export function currencyCondition(filter: Filter): Fragment {
  return filter.currency === undefined ? sql`pp.main` : sql`pp.currency = ${filter.currency}::text`;
}

/** What is searched for. Whole words are found in any form; the last one also by its beginning. */
export function tsquery(search: string): Fragment {
  const { whole, begun } = searchText(search);
  const words = sql`websearch_to_tsquery('english', ${whole}::text)`;
  if (begun === '') return words;
  const prefix = `${begun}:*`;
  const beginning = sql`(to_tsquery('english', ${prefix}::text) || to_tsquery('simple', ${prefix}::text))`;
  return whole === '' ? beginning : sql`(${words} && ${beginning})`;
}

/** The slugs of a category and all below it. */
function slugsBelow(category: string): Fragment {
  const name = isId(category) ? category : categorySlugOf(category);
  return sql`array(
    with recursive below as (
      select id, slug from category where slug = ${name}::text or id::text = ${name}::text
      union all
      select c.id, c.slug from category c join below b on c.parent_id = b.id
    )
    select slug from below)`;
}
