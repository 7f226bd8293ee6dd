import { Readable } from 'node:stream';
import type { analyticsContract } from '@stoa/contracts/analytics';
import { minorDigits } from '@stoa/platform/money';
import type { Handler } from '@stoa/platform/service';
import type { Sql } from '@stoa/platform/sql';
import { csvLine, decimalText, textCell } from '../domain/csv.ts';
import { type Period, readPeriod } from '../domain/period.ts';
import { type LineRow, type OrderRow, readLineRows, readOrderRows } from '../store/export.ts';

// An order has 2,000 lines at the most.
const ordersAtOnce = { orders: 1_000, lines: 100 };

const orderHeads = ['order_id', 'number', 'placed_at', 'status', 'currency'];
const heads = {
  orders: [...orderHeads, 'total', 'refunded'],
  lines: [...orderHeads, 'line_id', 'product_id', 'sku', 'title', 'quantity', 'line_total'],
};

export const exportSales: Handler<typeof analyticsContract.operations.exportSales> = async (call, service) => {
  const { rows = 'orders', currency } = call.query;
  const asked = { period: readPeriod(call.query), currency, rows };
  return {
    stream: Readable.from(exportText(service.db, asked), { objectMode: false }),
    headers: { 'content-disposition': `attachment; filename="${rows}.csv"`, 'cache-control': 'no-store' },
  };
};

interface Asked {
  readonly period: Period;
  readonly currency: string | undefined;
  readonly rows: 'orders' | 'lines';
}

/** Page by page, each its own statements: a slow reader holds no transaction open and no more than one page in memory. */
async function* exportText(sql: Sql, asked: Asked): AsyncGenerator<string> {
  const decimal = decimalWriter();
  yield csvLine(heads[asked.rows]);
  const limit = ordersAtOnce[asked.rows];
  for (let after: OrderRow | undefined; ; ) {
    const orders = await readOrderRows(sql, asked, { after, limit });
    const text = asked.rows === 'orders' ? orderLines(orders, decimal) : await soldLines(sql, orders, decimal);
    // An empty piece would end the stream.
    if (text !== '') yield text;
    if (orders.length < limit) return;
    after = orders.at(-1);
  }
}

type WriteDecimal = (amount: number, currency: string) => string;

function orderLines(orders: readonly OrderRow[], decimal: WriteDecimal): string {
  return orders
    .map((row) => csvLine([...orderCells(row), decimal(row.total, row.currency), decimal(row.refunded, row.currency)]))
    .join('');
}

async function soldLines(sql: Sql, orders: readonly OrderRow[], decimal: WriteDecimal): Promise<string> {
  const ids = orders.map((row) => row.order_id);
  const lines = await readLineRows(sql, ids);
  return orders
    .flatMap((order) => (lines.get(order.order_id) ?? []).map((line) => csvLine(lineCells(order, line, decimal))))
    .join('');
}

function lineCells(order: OrderRow, line: LineRow, decimal: WriteDecimal): (string | number)[] {
  return [
    ...orderCells(order),
    line.line_id,
    line.product_id ?? '',
    textCell(line.sku),
    textCell(line.title),
    line.quantity,
    decimal(line.amount, order.currency),
  ];
}

function orderCells(row: OrderRow): string[] {
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
