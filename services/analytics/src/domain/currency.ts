/** What an answer is in while nothing has been sold. */
const currencyOfNothing = 'EUR';

/** The currency of an answer: the one asked for, else the most used of the period. */
export function currencyOf(asked: string | undefined, currencies: readonly string[]): string {
  return asked ?? currencies[0] ?? currencyOfNothing;
}
