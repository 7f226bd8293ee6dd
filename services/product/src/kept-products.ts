import type { Product } from '@stoa/contracts/product';
import { isId } from '@stoa/platform/ids';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { findProduct, ownersOfSlugs } from './store/product-rows.ts';

type Kept = Pick<Service, 'cache' | 'db'>;

const keptMs = 5_000;
const productKey = (id: string) => `product ${id}`;

/** A product by its id or slug, as it was a moment ago: for display. */
export async function readProduct(service: Kept, idOrSlug: string): Promise<Product | undefined> {
  const { cache, db } = service;
  if (isId(idOrSlug)) return readById(service, idOrSlug);
  const id = await cache.read(`slug ${idOrSlug}`, {
    ttlMs: keptMs,
    load: async () => (await ownersOfSlugs(db, [idOrSlug])).get(idOrSlug),
  });
  const product = id === undefined ? undefined : await readById(service, id);
  // A change forgets the product but not the slugs that it had: whether one is still its own, the product itself says.
  return product === undefined || product.slug === idOrSlug ? product : findProduct(db, 'slug', idOrSlug);
}

function readById({ cache, db }: Kept, id: string): Promise<Product | undefined> {
  return cache.read(productKey(id), { ttlMs: keptMs, load: () => findProduct(db, 'id', id) });
}

/** Forgets products that will have changed once the transaction has committed. */
export function forgetProducts({ cache }: Pick<Service, 'cache'>, tx: Tx, ids: readonly string[]): void {
  if (ids.length > 0) tx.afterCommit(() => void cache.forget(ids.map(productKey)));
}
