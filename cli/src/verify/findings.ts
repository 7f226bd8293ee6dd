/** The invariants that can be checked from outside at any time, with what each promises. */
export const invariants = {
  I1: 'stock adds up, and so does its ledger',
  I2: 'reserved is what running check-outs hold, sold is what was confirmed and not cancelled',
  I3: 'provider, payments, ledger and orders say the same of the money',
  I4: 'one capture an order, no charge without an order, no confirmed order without a charge',
  I5: 'every order exists and ends, and none is there that nobody placed',
  I7: 'a rejected or cancelled order holds no stock, no money, no shipment',
  I9: 'streams have no gaps, fold to what is shown, and analytics is their fold',
} as const;
export type InvariantName = keyof typeof invariants;

export interface Violation {
  /** What it is about, the same however often one looks. */
  readonly about: string;
  readonly witness: string;
}

/** What was looked at, and what was found, by invariant. */
export class Findings {
  readonly #checked = new Map<InvariantName, number>();
  readonly #violations = new Map<InvariantName, Map<string, Violation>>();

  /** Notes that something was looked at; without it nothing is shown to hold. */
  look(invariant: InvariantName, count = 1): void {
    this.#checked.set(invariant, this.checked(invariant) + count);
  }

  violate(invariant: InvariantName, about: string, witness: string): void {
    const known = this.#violations.get(invariant) ?? new Map<string, Violation>();
    known.set(about, { about, witness: `${about}: ${witness}` });
    this.#violations.set(invariant, known);
  }

  /** Looks at one thing, and notes what is wrong with it, if anything. */
  expect(invariant: InvariantName, holds: boolean, about: string, witness: () => string): void {
    this.look(invariant);
    if (!holds) this.violate(invariant, about, witness());
  }

  checked(invariant: InvariantName): number {
    return this.#checked.get(invariant) ?? 0;
  }

  violations(invariant: InvariantName): readonly Violation[] {
    return [...(this.#violations.get(invariant)?.values() ?? [])];
  }

  get clean(): boolean {
    return this.#violations.size === 0;
  }

  /** What was wrong before and still is: while a shop trades, two of its books are never read at the same moment. */
  stillIn(later: Findings): Findings {
    const both = new Findings();
    for (const invariant of Object.keys(invariants) as InvariantName[]) {
      both.look(invariant, later.checked(invariant));
      const before = new Set(this.violations(invariant).map(({ about }) => about));
      for (const violation of later.violations(invariant)) {
        if (before.has(violation.about)) both.#keep(invariant, violation);
      }
    }
    return both;
  }

  #keep(invariant: InvariantName, violation: Violation): void {
    const known = this.#violations.get(invariant) ?? new Map<string, Violation>();
    known.set(violation.about, violation);
    this.#violations.set(invariant, known);
  }
}
