import type { Tx } from '@stoa/platform/sql';

// Any numbers will do that no other lock of this database has; 7305 is the migrations'.
const numbers = { admins: 7310, 'signing-keys': 7311 };

/** Lets one transaction at a time decide about the subject, over all processes; held until the transaction ends. */
export async function lockSubject(tx: Tx, subject: keyof typeof numbers): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [numbers[subject]]);
}
