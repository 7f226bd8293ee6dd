import { type Columns, insertText, type Sql } from '@stoa/platform/sql';
import type { Facts } from '../domain/fold.ts';

const orderColumns: Columns = {
  generation: 'int',
  order_id: 'uuid',
  number: 'text',
  currency: 'text',
  total: 'bigint',
  placed_at: 'timestamptz',
  confirmed: 'boolean',
  cancelled: 'boolean',
  rejected: 'boolean',
};

// Merging is idempotent and commutative, so the live fold and a rebuild may write the same order at any moment.
const mergeOrders = insertText(
  'order_fact as known',
  orderColumns,
  `on conflict (generation, order_id) do update set
     confirmed = known.confirmed or excluded.confirmed,
     cancelled = known.cancelled or excluded.cancelled,
     rejected = known.rejected or excluded.rejected`,
);

const insertLines = insertText(
  'order_line_fact',
  {
    generation: 'int',
    order_id: 'uuid',
    line_id: 'uuid',
    product_id: 'uuid',
    sku: 'text',
    title: 'text',
    quantity: 'bigint',
    amount: 'bigint',
  },
  'on conflict do nothing',
);

const insertRefunds = insertText(
  'refund_fact',
  {
    generation: 'int',
    refund_id: 'uuid',
    order_id: 'uuid',
    currency: 'text',
    amount: 'bigint',
    refunded_at: 'timestamptz',
  },
  'on conflict do nothing',
);

const insertCustomers = insertText(
  'customer_fact',
  { generation: 'int', user_id: 'uuid', registered_at: 'timestamptz' },
  'on conflict do nothing',
);

/** Merges facts into each of the generations: at most one statement a table, sent together. */
export async function mergeFacts(sql: Sql, generations: readonly number[], facts: Facts): Promise<void> {
  const writes: [string, readonly object[]][] = [
    [mergeOrders, facts.orders],
    [insertLines, facts.lines],
    [insertRefunds, facts.refunds],
    [insertCustomers, facts.customers],
  ];
  await Promise.all(
    writes
      .filter(([, rows]) => rows.length > 0)
      .map(([text, rows]) => sql.query(text, [JSON.stringify(inGenerations(generations, rows))])),
  );
}

function inGenerations(generations: readonly number[], rows: readonly object[]): object[] {
  return generations.flatMap((generation) => rows.map((row) => ({ generation, ...row })));
}
