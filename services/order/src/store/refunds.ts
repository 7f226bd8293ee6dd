import type { Refund } from '@stoa/contracts/order';
import { insertText, type Sql, type Tx, type Writer, writer } from '@stoa/platform/sql';

interface RefundRow {
  readonly id: string;
  readonly order_id: string;
  readonly status: Refund['status'];
  readonly body: Refund;
}

const insert = insertText(
  'refund',
  { id: 'uuid', order_id: 'uuid', status: 'text', body: 'jsonb' },
  'on conflict (id) do update set status = excluded.status, body = excluded.body',
);

const refunds: Writer<RefundRow> = writer('refunds', 22, (tx, rows) => {
  const last = new Map(rows.map((row) => [row.id, row]));
  return tx.query(insert, [JSON.stringify([...last.values()])]);
});

/** Writes how a refund stands. */
export function writeRefund(tx: Tx, refund: Refund): void {
  tx.defer(refunds, { id: refund.id, order_id: refund.orderId, status: refund.status, body: refund });
}

export async function readRefund(sql: Sql, id: string): Promise<Refund | undefined> {
  const rows = await sql.query<{ body: Refund }>('select body from refund where id = $1', [id]);
  return rows[0]?.body;
}
