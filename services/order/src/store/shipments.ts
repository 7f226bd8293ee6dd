import { insertText, type Sql, type Tx, type Writer, writer } from '@stoa/platform/sql';

const insert = insertText('shipment', { id: 'uuid', order_id: 'uuid' });

const shipments: Writer<{ id: string; order_id: string }> = writer('shipments', 22, (tx, rows) =>
  tx.query(insert, [JSON.stringify(rows)]),
);

export function addShipment(tx: Tx, shipment: { id: string; orderId: string }): void {
  tx.defer(shipments, { id: shipment.id, order_id: shipment.orderId });
}

/** The order that a shipment belongs to. */
export async function orderOfShipment(sql: Sql, id: string): Promise<string | undefined> {
  const rows = await sql.query<{ order_id: string }>('select order_id from shipment where id = $1', [id]);
  return rows[0]?.order_id;
}
