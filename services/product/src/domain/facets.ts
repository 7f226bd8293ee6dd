import type { ProductFacets } from '@stoa/contracts/product';

/** What the database counted. */
export interface FacetCounts {
  readonly total: number;
  readonly categories: readonly { readonly value: string; readonly count: number }[];
  readonly tags: ProductFacets['tags'];
  readonly prices: ProductFacets['prices'];
}

interface Place {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly parentId: string | null;
}

/** The facets of a list: each category's count with those of the categories below it, the fullest first. */
export function facetsOf(counts: FacetCounts, categories: readonly Place[]): ProductFacets {
  const byId = new Map(categories.map((category) => [category.id, category]));
  const bySlug = new Map(categories.map((category) => [category.slug, category]));
  const sums = new Map<Place, number>();
  for (const { value, count } of counts.categories) {
    let place = bySlug.get(value);
    while (place !== undefined) {
      sums.set(place, (sums.get(place) ?? 0) + count);
      place = place.parentId === null ? undefined : byId.get(place.parentId);
    }
  }
  const rolledUp = [...sums].map(([place, count]) => ({ value: place.slug, title: place.title, count }));
  return {
    total: counts.total,
    categories: rolledUp.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)),
    tags: counts.tags,
    prices: counts.prices,
  };
}
