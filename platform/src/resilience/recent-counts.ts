const slots = 10;

/** Two counts over the last milliseconds, forgotten in tenths of the window. */
export class RecentCounts {
  readonly #slotMs: number;
  readonly #first = new Array<number>(slots).fill(0);
  readonly #second = new Array<number>(slots).fill(0);
  #at = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / slots;
  }

  add(first: number, second: number): void {
    const slot = this.#forget();
    (this.#first[slot] as number) += first;
    (this.#second[slot] as number) += second;
  }

  /** Both sums over the window. */
  sums(): readonly [first: number, second: number] {
    this.#forget();
    return [sum(this.#first), sum(this.#second)];
  }

  clear(): void {
    this.#first.fill(0);
    this.#second.fill(0);
  }

  /** Empties the slots that have become too old since the last look; returns the current one. */
  #forget(): number {
    const now = Math.floor(Date.now() / this.#slotMs);
    const passed = now - this.#at;
    // A clock that was put back would make slots of the future: start anew.
    if (passed < 0 || passed >= slots) this.clear();
    else
      for (let step = 1; step <= passed; step++)
        this.#first[(this.#at + step) % slots] = this.#second[(this.#at + step) % slots] = 0;
    this.#at = now;
    return now % slots;
  }
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
