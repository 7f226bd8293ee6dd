/**
 * One cell. Texts are quoted where RFC 4180 asks for it, and texts that a spreadsheet would run as a formula get an apostrophe in front.
 * Numbers (and decimals made by `decimalText`) are ours and go as they are.
 */
export function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line, with its end. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.join(',')}\r\n`;
}

/** Minor units as a decimal, without a float on the way: 1999 with 2 digits is "19.99". */
export function decimalText(minorUnits: number, digits: number): string {
  const text = minorUnits.toString().padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
