import type { productContract } from '@stoa/contracts/product';
import type { Cache } from '@stoa/platform/cache';
import type { Client } from '@stoa/platform/client';
import { findAppError } from '@stoa/platform/errors';
import type { Asker } from '@stoa/platform/schema';
import type { CatalogueEntry } from '../domain/pricing.ts';

/** Where every change is heard of here; elsewhere the kit keeps nothing for longer than a second. */
const keptMs = 5_000;
const priceKey = (sku: string) => `price ${sku}`;
const skuOf = (key: string) => key.slice(priceKey('').length);

/**
 * Prices as the product service has them, kept for a moment: a check-out of well-known goods asks nobody. What is missing or stale is asked for once,
 * before anything is refused. `forget` drops what an event says has changed, for every process of this service.
 */
export class Catalogue {
  readonly #product: Client<typeof productContract>;
  readonly #cache: Cache;

  constructor(product: Client<typeof productContract>, cache: Cache) {
    this.#product = product;
    this.#cache = cache;
  }

  async find(skus: readonly string[], asker: Asker): Promise<Map<string, CatalogueEntry>> {
    for (;;) {
      let ownFailure: unknown;
      const load = (missing: readonly string[]) =>
        this.#ask(missing, asker).catch((error: unknown) => {
          ownFailure = error;
          throw error;
        });
      try {
        const found = await this.#cache.readMany<CatalogueEntry>(skus.map(priceKey), { ttlMs: keptMs, load });
        return new Map(Array.from(found.values(), (entry) => [entry.sku, entry]));
      } catch (error) {
        // A question is shared, and ends when the time of whoever asked it first is over. Those who joined it and have time left ask anew.
        const isOthersTime = error !== ownFailure && findAppError(error)?.code === 'service.deadline-exceeded';
        if (!isOthersTime || Date.now() >= asker.deadlineMs) throw error;
      }
    }
  }

  async #ask(keys: readonly string[], { cause, deadlineMs }: Asker): Promise<Map<string, CatalogueEntry>> {
    const entries = await this.#product.getPrices({ body: { skus: keys.map(skuOf) } }, { cause, deadlineMs });
    return new Map(entries.map((entry) => [priceKey(entry.sku), entry]));
  }

  forget(skus: readonly string[]): Promise<void> {
    return this.#cache.forget(skus.map(priceKey));
  }
}
