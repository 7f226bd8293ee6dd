import { assert } from '../errors/index.ts';

/** An amount in the minor unit of its currency (cents, pence, yen): always a safe integer, never a float. */
export interface Money {
  readonly amount: number;
  /** ISO 4217, three capitals. */
  readonly currency: string;
}

/** Makes money; throws when the amount is not a safe integer. */
export function money(amount: number, currency: string): Money {
  assert(Number.isSafeInteger(amount), `money must be a safe integer of minor units, got ${amount}`);
  return { amount, currency };
}

/** Adds two amounts of one currency. */
export function add(a: Money, b: Money): Money {
  assert(a.currency === b.currency, `cannot add ${a.currency} and ${b.currency}`);
  return money(a.amount + b.amount, a.currency);
}

/** a − b, of one currency. */
export function subtract(a: Money, b: Money): Money {
  assert(a.currency === b.currency, `cannot subtract ${b.currency} from ${a.currency}`);
  return money(a.amount - b.amount, a.currency);
}

/** An amount times a whole quantity. */
export function times(price: Money, quantity: number): Money {
  assert(Number.isSafeInteger(quantity), `a quantity must be a whole number, got ${quantity}`);
  return money(price.amount * quantity, price.currency);
}

/** Zero of a currency. */
export function zero(currency: string): Money {
  return { amount: 0, currency };
}

/** Adds any number of amounts; the currency says what an empty list is. */
export function sum(amounts: readonly Money[], currency: string): Money {
  return amounts.reduce(add, zero(currency));
}

/** All others have two. `Intl` knows how many digits people write, which for HUF and sixteen more are not those of ISO 4217. */
const otherDigits: ReadonlyMap<string, number> = new Map([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3] as const),
  ...'CLF UYW'.split(' ').map((code) => [code, 4] as const),
]);

/** The number of digits of the minor unit of a currency by ISO 4217 (2 for EUR, 0 for JPY, 3 for BHD). */
export function minorDigits(currency: string): number {
  return otherDigits.get(currency) ?? 2;
}

/**
 * Reads a decimal text ("12.34") as minor units, digit by digit and never through a float.
 * Undefined when it is no decimal number or has more digits than the currency has.
 */
export function parseDecimal(text: string, currency: string): Money | undefined {
  const match = /^(-?)(\d{1,13})(?:\.(\d+))?$/.exec(text.trim());
  if (!match) return undefined;
  const digits = minorDigits(currency);
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > digits) return undefined;
  const amount = Number(`${match[2]}${fraction.padEnd(digits, '0')}`);
  if (!Number.isSafeInteger(amount)) return undefined;
  return { amount: match[1] === '-' && amount !== 0 ? -amount : amount, currency };
}

/** Money as people read it: "12.34 EUR". */
export function format(value: Money): string {
  const digits = minorDigits(value.currency);
  const sign = value.amount < 0 ? '-' : '';
  const text = Math.abs(value.amount)
    .toString()
    .padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return digits === 0
    ? `${sign}${whole} ${value.currency}`
    : `${sign}${whole}.${text.slice(-digits)} ${value.currency}`;
}
