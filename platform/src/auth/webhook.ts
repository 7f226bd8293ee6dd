import { createHmac } from 'node:crypto';
import { refusal } from '../errors/index.ts';
import { equalSecrets } from './secret.ts';

/**
 * Signs a webhook as Stripe does: HMAC-SHA256 over `<timestamp>.<body>`.
 *
 * @param body the exact bytes that are sent
 * @param timestampS seconds since the epoch
 * @returns the signature header, `t=1700000000,v1=<hex>`
 */
export function signWebhook(secret: string, body: string | Buffer, timestampS: number): string {
  return `t=${timestampS},v1=${signature(secret, body, String(timestampS))}`;
}

/**
 * Checks a webhook's signature. Several `v1` may stand in the header, as while a secret is being changed; one has to fit.
 *
 * @param header the signature header, undefined when it was not sent
 * @param body the exact bytes that arrived, before any parsing
 * @throws AppError `auth.invalid` when the header is missing or malformed, the signature is wrong, or its time lies further than
 *   `toleranceS` from `nowS` on either side
 */
export function verifyWebhook(
  secret: string,
  header: string | undefined,
  body: string | Buffer,
  { nowS, toleranceS = 300 }: { nowS: number; toleranceS?: number },
): void {
  const { timestamp, signatures } = parse(header ?? '');
  const expected = timestamp === undefined ? undefined : signature(secret, body, timestamp);
  const genuine = expected !== undefined && signatures.some((candidate) => equalSecrets(candidate, expected));
  if (!genuine || Math.abs(nowS - Number(timestamp)) > toleranceS) {
    throw refusal('auth.invalid', 'The signature is missing, wrong or too old.');
  }
}

/** More than this is no change of secrets but someone trying to make us compute. */
const signaturesMax = 8;

function parse(header: string): { timestamp: string | undefined; signatures: string[] } {
  const parts = header
    .slice(0, 2048)
    .split(',')
    .map((part) => part.trim());
  const valuesOf = (name: string) =>
    parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));
  const [timestamp, ...more] = valuesOf('t');
  const usable = timestamp !== undefined && more.length === 0 && /^\d{1,12}$/.test(timestamp);
  return { timestamp: usable ? timestamp : undefined, signatures: valuesOf('v1').slice(0, signaturesMax) };
}

function signature(secret: string, body: string | Buffer, timestamp: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}
