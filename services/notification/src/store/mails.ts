import type { MailTemplate, Notification } from '@stoa/contracts/notification';
import { insertRows, insertText, type Sql } from '@stoa/platform/sql';

export interface NewMail {
  readonly id: string;
  readonly template: MailTemplate;
  readonly subjectId: string;
  /** Which of several: the shipment or refund; empty where there is only one. */
  readonly occasion: string;
  readonly userId: string | null;
  readonly orderId: string | null;
  readonly contactId: string | null;
  /** Why it is not to be sent; null when it is. */
  readonly suppressed: string | null;
}

const insertMails = insertText(
  'mail',
  {
    id: 'uuid',
    template: 'text',
    subject_id: 'uuid',
    occasion: 'text',
    user_id: 'uuid',
    order_id: 'uuid',
    contact_id: 'uuid',
    outcome: 'text',
    reason: 'text',
  },
  'on conflict (subject_id, template, occasion) do nothing returning id',
);

/** Adds the mails that are not there yet, in one statement; returns the ids of those. */
export async function addMails(sql: Sql, mails: readonly NewMail[]): Promise<Set<string>> {
  const rows = mails.map((mail) => ({
    id: mail.id,
    template: mail.template,
    subject_id: mail.subjectId,
    occasion: mail.occasion,
    user_id: mail.userId,
    order_id: mail.orderId,
    contact_id: mail.contactId,
    outcome: mail.suppressed === null ? 'pending' : 'suppressed',
    reason: mail.suppressed,
  }));
  const added = await insertRows<{ id: string }>(sql, insertMails, rows);
  return new Set(added.map((row) => row.id));
}

/** What became of a mail. */
export interface MailEnd {
  readonly id: string;
  readonly outcome: 'sent' | 'failed' | 'suppressed';
  readonly reason: string | null;
  /** Masked. */
  readonly recipient: string | null;
}

/** Writes down how mails ended, in one statement; returns the ids of those whose owner was erased meanwhile. */
export async function endMails(sql: Sql, ends: readonly MailEnd[]): Promise<string[]> {
  const rows = await sql.query<{ id: string; erased: boolean }>(
    `update mail m
     set outcome = e.outcome, reason = e.reason,
         recipient = case when m.erased then null else e.recipient end,
         sent_at = case when e.outcome = 'sent' then now() end
     from json_to_recordset($1::json) as e(id uuid, outcome text, reason text, recipient text)
     where m.id = e.id and m.outcome = 'pending'
     returning m.id, m.erased`,
    [JSON.stringify(ends)],
  );
  return rows.filter((row) => row.erased).map((row) => row.id);
}

/** Whether a mail still waits to be sent. */
export async function isPending(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql.query<object>("select from mail where id = $1 and outcome = 'pending'", [id]);
  return rows.length > 0;
}

/** Overwrites what is kept of whom mails went to, of all mails to the users or contacts; returns the ids of those mails. */
export async function eraseRecipients(
  sql: Sql,
  of: 'user_id' | 'contact_id',
  ids: readonly string[],
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `update mail set recipient = null, erased = true where ${of} = any($1::uuid[]) returning id`,
    [ids],
  );
  return rows.map((row) => row.id);
}

/** The mails of a user, newest first. */
export function listMails(
  sql: Sql,
  userId: string,
  page: { readonly beforeId: string | undefined; readonly limit: number },
): Promise<Notification[]> {
  return sql.query<Notification>(
    `select id, template, 'email' as channel, outcome, reason, recipient, order_id as "orderId",
            created_at as "createdAt", sent_at as "sentAt"
     from mail
     where user_id = $1 and ($2::uuid is null or id < $2)
     order by id desc
     limit $3`,
    [userId, page.beforeId ?? null, page.limit],
  );
}
