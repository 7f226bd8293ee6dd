import type { ApiKey } from '@stoa/contracts/user';
import type { Id } from '@stoa/platform/ids';
import type { Role } from '@stoa/platform/schema';
import type { Sql, Tx } from '@stoa/platform/sql';

const columns = `id, name, role, created_at as "createdAt", last_used_at as "lastUsedAt"`;

/** Makes a key. `createdBy` is the account that answers for it: its maker, or the maker of the key that made it. */
export async function insertApiKey(
  tx: Tx,
  key: { id: Id; name: string; role: Role; hash: string; createdBy: Id | null },
): Promise<ApiKey> {
  const [made] = await tx.query<ApiKey>(
    `insert into api_key (id, name, role, hash, created_by) values ($1, $2, $3, $4, $5) returning ${columns}`,
    [key.id, key.name, key.role, key.hash, key.createdBy],
  );
  return made as ApiKey;
}

/** The account that answers for a key; null when none does. */
export async function findMakerOf(sql: Sql, id: Id): Promise<Id | null> {
  const [found] = await sql.query<{ createdBy: Id | null }>(
    'select created_by as "createdBy" from api_key where id = $1',
    [id],
  );
  return found?.createdBy ?? null;
}

/** Whether a key has not been taken back. */
export async function isGoodApiKey(sql: Sql, id: Id): Promise<boolean> {
  const found = await sql.query('select from api_key where id = $1 and revoked_at is null', [id]);
  return found.length > 0;
}

/** Good keys, newest first. */
export async function listApiKeys(
  sql: Sql,
  { beforeId, limit }: { beforeId: Id | undefined; limit: number },
): Promise<ApiKey[]> {
  return sql.query<ApiKey>(
    `select ${columns} from api_key where revoked_at is null and ($1::uuid is null or id < $1) order by id desc limit $2`,
    [beforeId ?? null, limit],
  );
}

/** The good keys that a user made, or that their keys did. */
export async function listApiKeysOf(sql: Sql, accountId: Id): Promise<ApiKey[]> {
  return sql.query<ApiKey>(
    `select ${columns} from api_key where created_by = $1 and revoked_at is null order by id desc`,
    [accountId],
  );
}

/** The good key with this hash. Notes its use, at the most once a minute: a key is verified far more often than anybody looks. */
export async function useApiKey(sql: Sql, hash: string): Promise<{ id: Id; name: string; role: Role } | undefined> {
  const [found] = await sql.query<{ id: Id; name: string; role: Role }>(
    `with noted as (
       update api_key set last_used_at = now()
       where hash = $1 and revoked_at is null and (last_used_at is null or last_used_at < now() - interval '1 minute')
     )
     select id, name, role from api_key where hash = $1 and revoked_at is null`,
    [hash],
  );
  return found;
}

/** Takes a key back; returns when, or undefined when there is no such good key. */
export async function revokeApiKey(tx: Tx, id: Id): Promise<string | undefined> {
  const [revoked] = await tx.query<{ revokedAt: string }>(
    `update api_key set revoked_at = clock_timestamp() where id = $1 and revoked_at is null
     returning revoked_at as "revokedAt"`,
    [id],
  );
  return revoked?.revokedAt;
}

/** Takes back every good key that a user made, or that their keys did. */
export async function revokeApiKeysOf(tx: Tx, accountId: Id): Promise<{ id: Id; revokedAt: string }[]> {
  return tx.query<{ id: Id; revokedAt: string }>(
    `update api_key set revoked_at = clock_timestamp() where created_by = $1 and revoked_at is null
     returning id, revoked_at as "revokedAt"`,
    [accountId],
  );
}

/** Forgets who made a user's keys, and what they called them. */
export async function anonymiseApiKeysOf(tx: Tx, accountId: Id): Promise<void> {
  await tx.query(`update api_key set name = 'Erased', created_by = null where created_by = $1`, [accountId]);
}

/** Forgets keys a day after they were taken back: until then verifiers may ask for them. */
export async function forgetApiKeys(sql: Sql): Promise<void> {
  await sql.query(`delete from api_key where revoked_at < now() - interval '1 day'`);
}
