import type { ShippingMethod, shippingContract } from '@stoa/contracts/shipping';
import type { Client } from '@stoa/platform/client';
import type { Asker } from '@stoa/platform/schema';
import type { Logger } from '@stoa/platform/telemetry';

const keptMs = 10_000;
const quotesMax = 2_000;

/**
 * What sending costs, as the shipping service quotes it; kept for ten seconds. While that service cannot be asked its last quote holds, as the contract
 * allows: a check-out does not wait for who sends the goods.
 */
export class ShippingPrices {
  readonly #shipping: Client<typeof shippingContract>;
  readonly #log: Logger;
  readonly #kept = new Map<string, { quote: ShippingMethod; untilMs: number }>();

  constructor(shipping: Client<typeof shippingContract>, log: Logger) {
    this.#shipping = shipping;
    this.#log = log;
  }

  /** The quote for a method, or for the cheapest that fits. */
  async quote(
    asked: { country: string; currency: string; method?: string },
    { cause, deadlineMs }: Asker,
  ): Promise<ShippingMethod> {
    const name = `${asked.country} ${asked.currency} ${asked.method ?? ''}`;
    const kept = this.#kept.get(name);
    if (kept && kept.untilMs > performance.now()) return kept.quote;
    const onPartial = () => this.#log.warn({ asked }, 'a price of sending is the last one known');
    const quote = await this.#shipping.quoteShipping({ query: asked }, { cause, deadlineMs, onPartial });
    if (this.#kept.size >= quotesMax) this.#kept.clear();
    this.#kept.set(name, { quote, untilMs: performance.now() + keptMs });
    return quote;
  }
}
