import type { ProductSort, ProductStatus, productContract } from '@stoa/contracts/product';
import { refusal } from '@stoa/platform/errors';
import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText, Type } from '@stoa/platform/schema';
import type { Call, Handler } from '@stoa/platform/service';
import { facetsOf } from '../domain/facets.ts';
import { allCategories } from '../store/category-rows.ts';
import { countFacets } from '../store/facet-counts.ts';
import { findProducts } from '../store/product-list.ts';
import { productOf } from '../store/product-rows.ts';
import { maySeeDrafts } from './may-see-drafts.ts';

type ListProducts = typeof productContract.operations.listProducts;

const limitDefault = 20;

export const listProducts: Handler<ListProducts> = async (call, { db }) => {
  const { limit = limitDefault, cursor, sort: asked, facets, status: _, ...filters } = call.query;
  const filter = { ...filters, statuses: statusesOf(call) };
  const sort = sortOf(asked, filter.search);
  const after = cursor === undefined ? undefined : readCursor(sort, cursor);
  const [rows, counts, categories] = await Promise.all([
    findProducts(db, { filter, sort, after, limit: limit + 1 }),
    facets ? countFacets(db, filter) : undefined,
    facets ? allCategories(db) : [],
  ]);
  const page = pageOf(rows, limit, (row) => [sort, row.sort_value, row.id]);
  const items = page.items.map(productOf);
  const body = { items, nextCursor: page.nextCursor };
  return { body: counts ? { ...body, facets: facetsOf(counts, categories) } : body };
};

/** Customers see what is on sale; merchandisers what they work on, or what they name. */
function statusesOf(call: Call<ListProducts>): ProductStatus[] {
  const { status } = call.query;
  if (maySeeDrafts(call.principal)) return status ? [status] : ['draft', 'active'];
  if (status !== undefined && status !== 'active') {
    throw refusal('auth.forbidden', 'Drafts and archived products are listed for merchandisers only.');
  }
  return ['active'];
}

function sortOf(asked: ProductSort | undefined, search: string | undefined): ProductSort {
  if (search === undefined) return asked === undefined || asked === 'relevance' ? 'newest' : asked;
  return asked ?? 'relevance';
}

const integer = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const cursors = {
  relevance: Type.Tuple([Type.Literal('relevance'), Type.Number({ minimum: 0, maximum: 1000 }), IdText]),
  newest: Type.Tuple([Type.Literal('newest'), integer, IdText]),
  price: Type.Tuple([Type.Literal('price'), integer, IdText]),
  '-price': Type.Tuple([Type.Literal('-price'), integer, IdText]),
  title: Type.Tuple([Type.Literal('title'), Type.String({ maxLength: 100 }), IdText]),
};

/** A cursor belongs to the sort it was given for. */
function readCursor(sort: ProductSort, cursor: string) {
  const [, value, id] = decodeCursor(cursors[sort], cursor);
  return { value, id };
}
