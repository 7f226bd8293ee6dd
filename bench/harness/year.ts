import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Writes a year of trade from a month of it, one month after the other: dates are moved on by months, and invoices and customers get numbers of
 * their own each month, so that no order of one month is that of another. Goods stay the same.
 *
 * @returns how many lines were written, without the header
 */
export async function writeYear(monthFile: string, yearFile: string, months = 12): Promise<number> {
  const out = createWriteStream(yearFile);
  let written = 0;
  for (let month = 0; month < months; month++) {
    let isHeader = true;
    for await (const line of createInterface({ input: createReadStream(monthFile), crlfDelay: Infinity })) {
      const text = isHeader ? (month === 0 ? line : undefined) : shifted(line, month);
      if (!isHeader) written++;
      isHeader = false;
      if (text !== undefined && !out.write(`${text}\n`)) await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'finish');
  return written;
}

const invoicesAMonth = 100_000;
const customersAMonth = 100_000;
/** Invoice at the start; date and customer where they stand whatever the description in between is quoted like. */
const linePattern = /^(C?)(\d+)(,.*,)(\d{4})-(\d\d)-(\d\d)( \d\d:\d\d:\d\d,[^,]*,)(\d*)(\.0)?(,.*)$/;

function shifted(line: string, month: number): string {
  if (month === 0) return line;
  // Invoices such as A563185 (adjustments) are no sales; they stay as they are and are rejected each month anew.
  return line.replace(
    linePattern,
    (
      _,
      returned: string,
      invoice: string,
      between: string,
      year: string,
      mm: string,
      day: string,
      price: string,
      customer: string,
      tail: string | undefined,
      country: string,
    ) => {
      const monthAt = Number(mm) - 1 + month;
      const date = `${Number(year) + Math.floor(monthAt / 12)}-${String((monthAt % 12) + 1).padStart(2, '0')}-${day}`;
      const shiftedCustomer = customer === '' ? '' : String(Number(customer) + month * customersAMonth);
      return `${returned}${Number(invoice) + month * invoicesAMonth}${between}${date}${price}${shiftedCustomer}${tail ?? ''}${country}`;
    },
  );
}
