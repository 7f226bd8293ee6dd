/** A decimal number as exactly as it was written. */
export interface Decimal {
  readonly sign: -1 | 0 | 1;
  /** In hundredths (pence), cut off where there is more. */
  readonly hundredths: number;
  /** Whether it is a whole number of hundredths. */
  readonly whole: boolean;
}

const form = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Reads `2.55`, `-0.5`, `1e-05`; digit by digit, never through a float. Undefined for anything else. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = form.exec(text.trim());
  if (!match) return undefined;
  const [, minus, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return { sign: 0, hundredths: 0, whole: true };
  // The digits stand for a number times ten to the power of `shift` hundredths.
  const shift = Number(exponent) - fraction.length + 2;
  const kept =
    shift >= 0 ? digits + '0'.repeat(Math.min(shift, 40)) : digits.slice(0, Math.max(0, digits.length + shift));
  const cut = shift >= 0 ? '' : digits.slice(Math.max(0, digits.length + shift));
  const sign = minus === '-' ? -1 : 1;
  return { sign, hundredths: sign * Number(kept || '0'), whole: !/[1-9]/.test(cut) };
}
