import type { Sql } from '@stoa/platform/sql';
import { sql } from 'kysely';
import type { FacetCounts } from '../domain/facets.ts';
import { allOf, conditionsOf, currencyCondition, type Filter, run } from './filter.ts';

/** Counts the products of a list by category, tag and price, each without its own filter. */
export async function countFacets(db: Sql, filter: Filter): Promise<FacetCounts> {
  const [counts] = await run<FacetCounts>(
    db,
    sql`select
      (select count(*) from product p where ${allOf(conditionsOf(filter))}) as total,
      (select coalesce(json_agg(c), '[]') from (
        select p.category as value, count(*) from product p
        where ${allOf(conditionsOf(filter, { category: true }))} and p.category is not null
        group by p.category
      ) c) as categories,
      (select coalesce(json_agg(t), '[]') from (
        select tag as value, count(*) from product p cross join unnest(p.tags) tag
        where ${allOf(conditionsOf(filter, { tag: true }))}
        group by tag order by count(*) desc, tag limit 50
      ) t) as tags,
      (select coalesce(json_agg(c), '[]') from (
        select pp.currency, min(pp.amount), max(pp.amount), count(*)
        from product p join product_price pp on pp.product_id = p.id and ${currencyCondition(filter)}
        where ${allOf(conditionsOf(filter, { price: true }))}
        group by pp.currency order by count(*) desc, pp.currency
      ) c) as prices`,
  );
  return counts as FacetCounts;
}
