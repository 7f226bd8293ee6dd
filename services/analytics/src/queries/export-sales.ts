import { Readable } from 'node:stream';
import type { analyticsContract } from '@stoa/contracts/analytics';
import { minorDigits } from '@stoa/platform/money';
import type { Handler } from '@stoa/platform/service';
import type { Sql } from '@stoa/platform/sql';
import { csvLine, decimalText, textCell } from '../domain/csv.ts';
import { type Period, readPeriod } from '../domain/period.ts';
import { type ExportPlace, type LineRow, type OrderRow, readLineRows, readOrderRows } from '../store/export.ts';

const rowsAtOnce = 1_000;

export const exportSales: Handler<typeof analyticsContract.operations.exportSales> = async (call, service) => {
  const { rows = 'orders', currency } = call.query;
  const asked = { period: readPeriod(call.query), currency };
  // Page by page, each its own statement: a slow reader holds no transaction open and no more than one page in memory.
  const text = rows === 'orders' ? orderPages(service.db, asked) : linePages(service.db, asked);
  return {
    stream: Readable.from(text, { objectMode: false }),
    headers: { 'content-disposition': `attachment; filename="${rows}.csv"`, 'cache-control': 'no-store' },
  };
};

interface Asked {
  readonly period: Period;
  readonly currency: string | undefined;
}

async function* orderPages(sql: Sql, asked: Asked): AsyncGenerator<string> {
  const decimal = decimalWriter();
  yield csvLine(['order_id', 'number', 'placed_at', 'status', 'currency', 'total', 'refunded']);
  let after: ExportPlace | undefined;
  for (;;) {
    const page = await readOrderRows(sql, { ...asked, after, limit: rowsAtOnce });
    if (page.length > 0) {
      yield page
        .map((row) =>
          csvLine([...orderCells(row), decimal(row.total, row.currency), decimal(row.refunded, row.currency)]),
        )
        .join('');
    }
    const last = page.at(-1);
    if (!last || page.length < rowsAtOnce) return;
    after = { placedAtText: last.placed_at_text, orderId: last.order_id, lineId: last.order_id };
  }
}

async function* linePages(sql: Sql, asked: Asked): AsyncGenerator<string> {
  const decimal = decimalWriter();
  yield csvLine([
    'order_id',
    'number',
    'placed_at',
    'status',
    'currency',
    'line_id',
    'product_id',
    'sku',
    'title',
    'quantity',
    'line_total',
  ]);
  let after: ExportPlace | undefined;
  for (;;) {
    const page = await readLineRows(sql, { ...asked, after, limit: rowsAtOnce });
    if (page.length > 0) yield page.map((row) => csvLine(lineCells(row, decimal))).join('');
    const last = page.at(-1);
    if (!last || page.length < rowsAtOnce) return;
    after = { placedAtText: last.placed_at_text, orderId: last.order_id, lineId: last.line_id };
  }
}

type WriteDecimal = (amount: number, currency: string) => string;

function lineCells(row: LineRow, decimal: WriteDecimal): (string | number)[] {
  return [
    ...orderCells(row),
    row.line_id,
    row.product_id ?? '',
    textCell(row.sku),
    textCell(row.title),
    row.quantity,
    decimal(row.amount, row.currency),
  ];
}

function orderCells(row: Omit<OrderRow, 'total' | 'refunded'>): string[] {
  return [row.order_id, textCell(row.number), row.placed_at, row.status, row.currency];
}

/** Asking Intl for a currency's digits costs some 20 µs; a year's lines would spend ten seconds on it. */
function decimalWriter(): WriteDecimal {
  const digits = new Map<string, number>();
  return (amount, currency) => {
    let known = digits.get(currency);
    if (known === undefined) {
      known = minorDigits(currency);
      digits.set(currency, known);
    }
    return decimalText(amount, known);
  };
}
