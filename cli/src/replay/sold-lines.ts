import { GrowingList } from './growing-list.ts';

/** Units of one sale line that came back. */
export interface Portion {
  readonly line: number;
  readonly quantity: number;
}

const none = -1;
// Customers times SKUs fit far below 2^53.
const skusMax = 2 ** 24;

/**
 * What customers have bought and may still bring back. Returns are matched newest sale first, the last line of an invoice first: that is the order of the
 * file from its end.
 */
export class SoldLines {
  readonly #left = new GrowingList('integers');
  /** The line before of the same customer and SKU. */
  readonly #before = new GrowingList('integers');
  readonly #newest = new Map<number, number>();

  /** Notes the next sale line; lines are numbered from 0. `customer` is -1 for a guest, who can bring nothing back. */
  add(customer: number, sku: number, quantity: number): void {
    const line = this.#left.push(quantity);
    if (customer < 0) {
      this.#before.push(none);
      return;
    }
    const key = customer * skusMax + sku;
    this.#before.push(this.#newest.get(key) ?? none);
    this.#newest.set(key, line);
  }

  /** Takes units back from the lines they were sold on. Undefined, with nothing taken, when fewer were sold. */
  match(customer: number, sku: number, quantity: number): Portion[] | undefined {
    const key = customer * skusMax + sku;
    const portions: Portion[] = [];
    let missing = quantity;
    for (let line = this.#newest.get(key) ?? none; line !== none && missing > 0; line = this.#before.at(line)) {
      const taken = Math.min(missing, this.#left.at(line));
      if (taken === 0) continue;
      portions.push({ line, quantity: taken });
      missing -= taken;
    }
    if (missing > 0) return undefined;
    for (const portion of portions) this.#left.set(portion.line, this.#left.at(portion.line) - portion.quantity);
    return portions;
  }
}
