import type { NotificationPreferences } from '@stoa/contracts/notification';
import type { Sql } from '@stoa/platform/sql';

export interface KeptPreferences extends NotificationPreferences {
  /** 0 for somebody who has never said anything. */
  readonly version: number;
}

const unlessSaid: KeptPreferences = { orderUpdates: true, marketing: false, version: 0 };

export async function readPreferences(sql: Sql, userId: string): Promise<KeptPreferences> {
  const [kept] = await sql.query<KeptPreferences>(
    'select order_updates as "orderUpdates", marketing, version from preference where user_id = $1',
    [userId],
  );
  return kept ?? unlessSaid;
}

/** Keeps preferences over those of `version`; undefined when others were kept meanwhile. */
export async function keepPreferences(
  sql: Sql,
  userId: string,
  { orderUpdates, marketing, version }: KeptPreferences,
): Promise<KeptPreferences | undefined> {
  const [kept] = await sql.query<KeptPreferences>(
    `insert into preference as p (user_id, order_updates, marketing, version) values ($1, $2, $3, 1)
     on conflict (user_id) do update
       set order_updates = excluded.order_updates, marketing = excluded.marketing, version = p.version + 1
       where p.version = $4
     returning order_updates as "orderUpdates", marketing, version`,
    [userId, orderUpdates, marketing, version],
  );
  return kept;
}

/** Which of the users have turned order updates off. */
export async function findUnsubscribed(sql: Sql, userIds: readonly string[]): Promise<Set<string>> {
  if (userIds.length === 0) return new Set();
  const rows = await sql.query<{ user_id: string }>(
    'select user_id from preference where user_id = any($1::uuid[]) and not order_updates',
    [userIds],
  );
  return new Set(rows.map((row) => row.user_id));
}

export async function forgetPreferences(sql: Sql, userIds: readonly string[]): Promise<void> {
  await sql.query('delete from preference where user_id = any($1::uuid[])', [userIds]);
}
