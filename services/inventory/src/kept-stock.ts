import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { type DisplayedStock, findDisplayed } from './store/stock-rows.ts';

/** Every order takes from it, and a reservation looks at the truth: this is for display. */
const keptMs = 1_000;

/** What everybody may see of SKUs, as it was a moment ago; those never stocked are missing. */
export function readDisplayed(
  { cache, db }: Pick<Service, 'cache' | 'db'>,
  skus: readonly string[],
): Promise<Map<string, DisplayedStock>> {
  return cache.readMany(skus, {
    ttlMs: keptMs,
    load: async (missing) => new Map((await findDisplayed(db, missing)).map((stock) => [stock.sku, stock])),
  });
}

/** Forgets what will have changed once the transaction has committed. */
export function forgetDisplayed({ cache }: Pick<Service, 'cache'>, tx: Tx, skus: readonly string[]): void {
  if (skus.length > 0) tx.afterCommit(() => void cache.forget(skus));
}
