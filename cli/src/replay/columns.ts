import type { RawLine } from './classify.ts';

export const columnNames = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const;

/** Reads lines by the names in the file's header. */
export interface Columns {
  /** Undefined when the line has not as many fields as the header. */
  read(fields: readonly string[] | undefined): RawLine | undefined;
}

/** Finds the columns in a header, in any order and case. Undefined when one is missing. */
export function columnsOf(header: readonly string[] | undefined): Columns | undefined {
  const names = (header ?? []).map((name) =>
    name
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase(),
  );
  const positions = columnNames.map((name) => names.indexOf(name.toLowerCase()));
  if (positions.includes(-1)) return undefined;
  const [invoice, code, description, quantity, date, price, customer] = positions as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    read(fields) {
      if (fields?.length !== names.length) return undefined;
      return {
        invoice: fields[invoice] as string,
        code: fields[code] as string,
        description: fields[description] as string,
        quantity: fields[quantity] as string,
        date: fields[date] as string,
        price: fields[price] as string,
        customer: fields[customer] as string,
      };
    },
  };
}
