import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a service may be called: a label of a host name, so that a certificate can name it too. */
export const serviceName = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Short, as a token is good for every request. It is made anew at half its life. */
export const tokenLifeS = 60;
/**
 * How far the clocks of two processes may lie apart. Each may be wrong by 5 minutes either way, so a pair by 10. A longer life instead would
 * only help against clocks that are ahead.
 */
const clocksApartS = 600;

const form = /^([a-z][a-z0-9-]{0,62})\.(\d{10,11})\.([A-Za-z0-9_-]{43})$/;

/** `<service>.<seconds since the epoch at which it ends>.<base64url of HMAC-SHA256>` */
export function signServiceToken(secret: string, service: string, nowS: number): string {
  const claim = `${service}.${Math.floor(nowS) + tokenLifeS}`;
  return `${claim}.${signature(secret, claim)}`;
}

/** Whose token this is, or why it is not good. */
export function readServiceToken(
  secrets: readonly string[],
  token: string,
  nowS: number,
): { readonly service: string } | { readonly bad: string } {
  const [, service = '', endsAt = '', given = ''] = form.exec(token) ?? [];
  if (service === '') return { bad: 'it is not a token of a service' };
  const claim = `${service}.${endsAt}`;
  const isGenuine = secrets.some((secret) =>
    timingSafeEqual(Buffer.from(signature(secret, claim)), Buffer.from(given)),
  );
  if (!isGenuine) return { bad: 'its signature is wrong: both processes need the same STOA_SERVICE_SECRET' };
  const leftS = Number(endsAt) - nowS;
  if (leftS < -clocksApartS) return { bad: `it ended ${Math.round(-leftS)} s ago` };
  if (leftS > tokenLifeS + clocksApartS)
    return { bad: `it was made ${Math.round(leftS - tokenLifeS)} s in the future` };
  return { service };
}

function signature(secret: string, claim: string): string {
  return createHmac('sha256', secret).update('stoa service token\n').update(claim).digest('base64url');
}
