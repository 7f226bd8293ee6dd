import type { inventoryContract } from '@stoa/contracts/inventory';
import type { Client } from '@stoa/platform/client';
import type { Asker } from '@stoa/platform/schema';

const waitMsMax = 1_000;
// A hundred SKUs of 64 characters stay well under the 16 KiB that HTTP servers take as a request's head.
const skusAtOnce = 100;

/** How much there is of goods, as the inventory service has it. Nice to know and no more: a cart can be looked at without, as the contract allows. */
export class Stock {
  readonly #inventory: Client<typeof inventoryContract>;

  constructor(inventory: Client<typeof inventoryContract>) {
    this.#inventory = inventory;
  }

  /** Available units by SKU; SKUs never stocked are missing. Undefined when the inventory cannot be asked within a second. */
  async find(skus: readonly string[], asker: Asker): Promise<Map<string, number> | undefined> {
    let isKnown = true;
    const options = {
      cause: asker.cause,
      deadlineMs: Math.min(asker.deadlineMs, Date.now() + waitMsMax),
      onPartial: () => {
        isKnown = false;
      },
    };
    const batches = Array.from({ length: Math.ceil(skus.length / skusAtOnce) }, (_, at) =>
      skus.slice(at * skusAtOnce, (at + 1) * skusAtOnce),
    );
    const found = await Promise.all(
      batches.map((batch) => this.#inventory.getAvailability({ query: { skus: batch } }, options)),
    );
    return isKnown ? new Map(found.flat().map(({ sku, available }) => [sku, available])) : undefined;
  }
}
