import type { Address } from '@stoa/platform/schema';
import { insertText, type Sql, type Tx, type Writer, writer } from '@stoa/platform/sql';

export interface ContactRow {
  readonly id: string;
  readonly user_id: string | null;
  readonly email: string | null;
  readonly shipping_address: Address | null;
}

const insert = insertText('contact', { id: 'uuid', user_id: 'uuid', email: 'text', shipping_address: 'jsonb' });

const newContacts: Writer<ContactRow> = writer('contacts', 19, (tx, rows) => tx.query(insert, [JSON.stringify(rows)]));

/** Keeps whom an order is for. */
export function addContact(tx: Tx, contact: ContactRow): void {
  tx.defer(newContacts, contact);
}

export async function readContact(sql: Sql, id: string): Promise<ContactRow | undefined> {
  const rows = await sql.query<ContactRow>(
    'select id, user_id, email, shipping_address from contact where id = $1 and erased_at is null',
    [id],
  );
  return rows[0];
}

/** Overwrites what is personal; the orders stay as they are. */
export async function eraseContacts(sql: Sql, who: { userId: string } | { contactId: string }): Promise<void> {
  await sql.query(
    `update contact set email = null, shipping_address = null, erased_at = clock_timestamp()
    where ${'userId' in who ? 'user_id' : 'id'} = $1 and erased_at is null`,
    ['userId' in who ? who.userId : who.contactId],
  );
}
