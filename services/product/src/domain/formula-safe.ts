// Characters after which a spreadsheet computes a cell instead of showing it (OWASP, CSV injection).
const dangerous = /^'*[=+\-@\t\r\n]/;
const marked = /^'+[=+\-@\t\r\n]/;

/** A cell that no spreadsheet computes: one apostrophe in front where it would. */
export function guardCell(text: string): string {
  return dangerous.test(text) ? `'${text}` : text;
}

/** Takes the apostrophe away again, so that what was exported comes back as it was. */
export function unguardCell(text: string): string {
  return marked.test(text) ? text.slice(1) : text;
}

/** One record of a CSV file (RFC 4180), every cell guarded. */
export function csvRecord(cells: readonly string[]): string {
  return `${cells.map((cell) => quoted(guardCell(cell))).join(',')}\r\n`;
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
