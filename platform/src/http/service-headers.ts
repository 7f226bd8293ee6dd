import type { IncomingHttpHeaders } from 'node:http';
import { refusal } from '../errors/index.ts';
import { isRole, type Principal } from '../schema/index.ts';

/** Names of the headers by which one service of ours tells another what the call is about. Honoured only with a service's proof. */
export const onBehalfHeader = 'x-stoa-on-behalf';
export const timeoutHeader = 'x-stoa-timeout-ms';
/** `public` on what the gateway's process hands on for somebody outside: internal operations are not there for it. */
export const doorHeader = 'x-stoa-door';

/** On a 401 that is about the calling service's own proof, not about a token that it passes on: nothing was begun, and nobody's user is to hear of it. */
export const unprovenHeader = 'x-stoa-unproven';

/** On whose behalf a service calls, and how many milliseconds it will wait. */
export interface OnBehalf {
  readonly principal: Principal | undefined;
  readonly timeoutMs: number | undefined;
}

/** Whether a process of ours says that it only passes this request on. */
export function isFromOutside(headers: IncomingHttpHeaders): boolean {
  return headers[doorHeader] !== undefined;
}

/** The headers for a call. A duration, not an instant: clocks differ between machines. */
export function writeOnBehalf(principal: Principal | undefined, timeoutMs: number): Record<string, string> {
  const headers: Record<string, string> = { [timeoutHeader]: String(Math.max(1, Math.ceil(timeoutMs))) };
  if (principal !== undefined) headers[onBehalfHeader] = Buffer.from(JSON.stringify(principal)).toString('base64url');
  return headers;
}

/** Reads them. @throws AppError `request.invalid` for what `writeOnBehalf` does not write */
export function readOnBehalf(headers: IncomingHttpHeaders): OnBehalf {
  const principalText = headers[onBehalfHeader] as string | undefined;
  const timeoutText = headers[timeoutHeader] as string | undefined;
  if (timeoutText !== undefined && !/^[1-9]\d{0,8}$/.test(timeoutText)) throw unreadable();
  return {
    principal: principalText === undefined ? undefined : readPrincipal(principalText),
    timeoutMs: timeoutText === undefined ? undefined : Number(timeoutText),
  };
}

function readPrincipal(text: string): Principal {
  const given = parsed(Buffer.from(text, 'base64url').toString('utf8'));
  const { kind, userId, sessionId, keyId, name, role } = (given ?? {}) as Record<string, unknown>;
  if (kind === 'anonymous') return { kind };
  if (kind === 'service' && typeof name === 'string') return { kind, name };
  if (kind === 'user' && typeof userId === 'string' && typeof sessionId === 'string' && isRole(role)) {
    return { kind, userId, sessionId, role };
  }
  if (kind === 'key' && typeof keyId === 'string' && typeof name === 'string' && isRole(role))
    return { kind, keyId, name, role };
  throw unreadable();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable() {
  return refusal('request.invalid', 'The headers between services cannot be read.');
}
