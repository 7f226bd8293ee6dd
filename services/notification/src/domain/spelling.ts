import { format, type Money, minorDigits } from '@stoa/platform/money';

const locale = 'en-GB';
const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
const times = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
const amounts = new Map<string, Intl.NumberFormat>();

/** "£19.99". The decimal text goes to Intl as a text, so no amount passes through a float. */
export function spellMoney(value: Money): string {
  let amount = amounts.get(value.currency);
  if (amount === undefined) {
    const digits = minorDigits(value.currency);
    amount = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: value.currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    amounts.set(value.currency, amount);
  }
  return amount.format(format(value).split(' ')[0] as `${number}`);
}

/** "1 December 2010" */
export function spellDate(instant: string): string {
  return dates.format(new Date(instant));
}

/** "1 December 2010 at 08:26 UTC" */
export function spellTime(instant: string): string {
  return `${times.format(new Date(instant))} UTC`;
}
