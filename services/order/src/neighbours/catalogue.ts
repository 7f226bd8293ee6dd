import type { productContract } from '@stoa/contracts/product';
import type { Client } from '@stoa/platform/client';
import type { Cause } from '@stoa/platform/schema';
import type { CatalogueEntry } from '../domain/pricing.ts';

const keptMs = 5_000;
const entriesMax = 50_000;

/**
 * Prices as the product service has them, kept for five seconds: a check-out of well-known goods asks nobody. What is missing or stale is asked for once,
 * before anything is refused. `forget` drops what an event says has changed, which is what keeps prices fresh; the five seconds are for lost events.
 */
export class Catalogue {
  readonly #product: Client<typeof productContract>;
  readonly #kept = new Map<string, { entry: CatalogueEntry; untilMs: number }>();

  constructor(product: Client<typeof productContract>) {
    this.#product = product;
  }

  async find(skus: readonly string[], cause: Cause): Promise<Map<string, CatalogueEntry>> {
    const nowMs = performance.now();
    const found = new Map<string, CatalogueEntry>();
    const missing = new Set<string>();
    for (const sku of skus) {
      const kept = this.#kept.get(sku);
      if (kept && kept.untilMs > nowMs) found.set(sku, kept.entry);
      else missing.add(sku);
    }
    if (missing.size > 0) {
      const entries = await this.#product.getPrices({ body: { skus: [...missing] } }, { cause });
      if (this.#kept.size + entries.length > entriesMax) this.#kept.clear();
      for (const entry of entries) {
        found.set(entry.sku, entry);
        this.#kept.set(entry.sku, { entry, untilMs: nowMs + keptMs });
      }
    }
    return found;
  }

  forget(skus: readonly string[]): void {
    for (const sku of skus) this.#kept.delete(sku);
  }
}
