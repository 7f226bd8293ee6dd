import type { IncomingMessage } from 'node:http';
import { readWait, timeoutHeader } from '@stoa/platform/http';
import type { RequestContext } from '@stoa/platform/service';
import { hopByHop, toLowerCase } from './hop-by-hop.ts';

/** What a request says that decides how it is sent on. */
export interface Outgoing {
  /** Names and values in turn, without the ones that `sentBy` adds. */
  readonly headers: string[];
  /** Bytes of the body; undefined when only its end will tell. */
  readonly bodyBytes: number | undefined;
  readonly waitS: number;
  readonly hasIdempotencyKey: boolean;
  readonly hasCondition: boolean;
}

/** Set by the gateway itself, or by undici for the connection it uses; never copied from what a client sent. */
const replaced = new Set([
  ...hopByHop,
  'content-length',
  'expect',
  'forwarded',
  'host',
  'traceparent',
  'tracestate',
  'x-correlation-id',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
  'x-request-id',
]);

/**
 * Copies what may travel on, in one pass. What the client's `Connection` lists, and identities that it made up, were dropped when the
 * request was received.
 */
export function readOutgoing(request: IncomingMessage): Outgoing {
  const { rawHeaders } = request;
  const headers: string[] = [];
  let bodyBytes: number | undefined = 0;
  let waitS = 0;
  let hasIdempotencyKey = false;
  let hasCondition = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = toLowerCase(rawHeaders[index] as string);
    const value = rawHeaders[index + 1] as string;
    if (name === 'content-length') bodyBytes = Number(value);
    else if (name === 'transfer-encoding') bodyBytes = undefined;
    else if (name === 'prefer') waitS = Math.max(waitS, readWait(value) ?? 0);
    else if (name === 'idempotency-key') hasIdempotencyKey = true;
    else if (name === 'if-match') hasCondition = true;
    if (!replaced.has(name) && !name.startsWith('x-stoa-')) headers.push(name, value);
  }
  return { headers, bodyBytes, waitS, hasIdempotencyKey, hasCondition };
}

/** Adds what a service has to know of a request, with the proof that the gateway says so. Made anew for every attempt: time passes. */
export function sentBy(
  proof: Readonly<Record<string, string>>,
  context: RequestContext,
  headers: readonly string[],
  leftMs: number,
): string[] {
  const { cause, requestId, clientAddress } = context;
  const sent = [...headers, 'x-stoa-door', 'public', 'x-request-id', requestId, 'x-forwarded-for', clientAddress];
  sent.push('x-correlation-id', cause.correlationId, timeoutHeader, String(Math.max(1, Math.ceil(leftMs))));
  if (cause.traceparent !== undefined) sent.push('traceparent', cause.traceparent);
  for (const name in proof) sent.push(name, proof[name] as string);
  return sent;
}
