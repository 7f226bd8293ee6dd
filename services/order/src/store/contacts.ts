import type { Address } from '@stoa/platform/schema';
import { insertText, type Sql, type Tx, type Writer, writer } from '@stoa/platform/sql';

export interface ContactRow {
  readonly id: string;
  readonly user_id: string | null;
  readonly email: string | null;
  readonly shipping_address: Address | null;
}

const insert = insertText('contact', { id: 'uuid', user_id: 'uuid', email: 'text', shipping_address: 'jsonb' });

const newContacts: Writer<ContactRow> = writer('contacts', 19, (tx, rows) => {
  // Each row locks its user: in one order, as erasures do, none waits for another in a circle.
  const sorted = [...rows].sort((a, b) => ((a.user_id ?? '') < (b.user_id ?? '') ? -1 : 1));
  return tx.query(insert, [JSON.stringify(sorted)]);
});

/** What is violated by the contact of a user who has been erased. */
export const contactOfErasedUser = 'contact_of_erased_user';

/** Keeps whom an order is for. The transaction fails with `contactOfErasedUser` when that is nobody any more. */
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

/** Overwrites what is personal of a guest's order; the order stays as it is. */
export async function eraseContact(sql: Sql, id: string): Promise<void> {
  await sql.query(`${overwrite} where id = $1 and erased_at is null`, [id]);
}

/**
 * Overwrites what is personal of users, and lets nothing be kept of them again: waits for orders of theirs that are being written. Returns which contacts were
 * overwritten, and when.
 */
export async function eraseUsers(tx: Tx, userIds: readonly string[]): Promise<Map<string, string>> {
  await tx.query(
    `select pg_advisory_xact_lock(hashtext('erased user'), hashtext(id)) from (select unnest($1::text[]) as id order by id) sorted`,
    [userIds],
  );
  await tx.query('insert into erased_user (user_id) select distinct unnest($1::uuid[]) on conflict do nothing', [
    userIds,
  ]);
  const erased = await tx.query<{ id: string; erasedAt: string }>(
    `${overwrite} where user_id = any($1::uuid[]) and erased_at is null returning id, erased_at as "erasedAt"`,
    [userIds],
  );
  return new Map(erased.map(({ id, erasedAt }) => [id, erasedAt]));
}

const overwrite = 'update contact set email = null, shipping_address = null, erased_at = clock_timestamp()';
