import { setTimeout as sleep } from 'node:timers/promises';
import { type AppError, fault, isCertificateCode } from '../errors/index.ts';
import type { Database } from './database.ts';

const waitMsDefault = 10_000;
const tryAgainMs = 200;

/** What PostgreSQL says once and would say again, and what to do about it. */
const refusals: Readonly<Record<string, string>> = {
  '28P01': 'refuses the password. Put the right one into the URL.',
  '28000': 'refuses this user. Correct the user in the URL, or allow it in pg_hba.conf.',
  '3D000': 'has no such database. Create it, or correct the name at the end of the URL.',
  '42501': 'does not let this user do what is needed. Make the user the owner of the database.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another host. Connect by the name that it names.',
  CERT_HAS_EXPIRED: 'has a certificate that has expired. Renew it.',
};
const untrusted =
  'has a certificate that is not trusted. Have one issued for this server, and name its authority with sslrootcert in the URL.';

/**
 * Waits until a database answers.
 *
 * @param url only its host is shown
 * @param setting the name of the variable that holds the URL
 * @param waitMs how long a server that is not there yet may take; 10,000 unless given
 * @throws AppError `config.invalid` at once for what will not mend itself, `service.unavailable` when the time is over; both in one line
 */
export async function reachDatabase(
  db: Database,
  { url, setting, waitMs = waitMsDefault }: { url: string; setting: string; waitMs?: number },
): Promise<void> {
  for (const endMs = performance.now() + waitMs; ; await sleep(tryAgainMs)) {
    try {
      await db.query('select 1', []);
      return;
    } catch (error) {
      const refused = refusalOf(error, url, setting);
      if (refused) throw refused;
      if (performance.now() + tryAgainMs > endMs) {
        throw fault(
          'service.unavailable',
          `PostgreSQL at ${hostOf(url)} (${setting}) cannot be reached: ${messageOf(error)}. Start it, or correct the URL.`,
          { cause: error },
        );
      }
    }
  }
}

function refusalOf(error: unknown, url: string, setting: string): AppError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: string };
    const what = refusals[code ?? ''] ?? (isCertificateCode(code) ? untrusted : undefined);
    if (what) return fault('config.invalid', `PostgreSQL at ${hostOf(url)} (${setting}) ${what}`, { cause: error });
  }
  return undefined;
}

function messageOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const { message, code } = inner as { message?: string; code?: string };
  return message || code || 'no answer';
}

/** Host, port and database, without user and password. */
function hostOf(url: string): string {
  if (!URL.canParse(url)) return 'the given URL';
  const { hostname, port, pathname, searchParams } = new URL(url);
  return `${searchParams.get('host') ?? hostname}:${port || searchParams.get('port') || 5432}${pathname}`;
}
