type Numbers = Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A list of numbers that takes 4 or 8 bytes for each: a year of trade has half a million lines. */
export class GrowingList {
  #numbers: Numbers;
  #length = 0;

  constructor(kind: 'integers' | 'amounts') {
    this.#numbers = kind === 'integers' ? new Int32Array(1024) : new Float64Array(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): number {
    if (this.#length === this.#numbers.length) {
      const larger = new (this.#numbers.constructor as Int32ArrayConstructor | Float64ArrayConstructor)(
        this.#length * 2,
      );
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = value;
    return this.#length++;
  }

  at(index: number): number {
    return this.#numbers[index] as number;
  }

  set(index: number, value: number): void {
    this.#numbers[index] = value;
  }
}

/** Numbers texts from 0 in the order of their first appearance. */
export class Numbering {
  readonly names: string[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    this.#indexes.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  find(name: string): number | undefined {
    return this.#indexes.get(name);
  }
}
