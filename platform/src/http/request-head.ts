import type { IncomingHttpHeaders } from 'node:http';
import { newId } from '../ids/index.ts';
import type { Cause } from '../schema/index.ts';
import type { Traces } from '../telemetry/index.ts';
import { childOf, parseTraceparent } from '../telemetry/index.ts';

/** What a request says beside its path, query and body. All of it unproven. */
export interface RequestHead {
  readonly idempotencyKey?: string | undefined;
  readonly waitS?: number | undefined;
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly lastEventId?: string | undefined;
  readonly orderToken?: string | undefined;
  readonly cartToken?: string | undefined;
}

/** The longest `Prefer: wait` that is granted, in seconds. */
export const waitSMax = 30;

export function readHead(headers: IncomingHttpHeaders): RequestHead {
  const prefer = headers.prefer;
  return {
    idempotencyKey: one(headers['idempotency-key']),
    waitS: prefer === undefined ? undefined : readWait(one(prefer) ?? ''),
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    lastEventId: one(headers['last-event-id']),
    orderToken: one(headers['x-order-token']),
    cartToken: one(headers['x-cart-token']),
  };
}

/** The cause of what follows from a request: its own correlation id and trace where they are good, else new ones. */
export function readCause(headers: IncomingHttpHeaders, traces?: Traces): Cause {
  const named = one(headers['x-correlation-id']);
  const correlationId = named !== undefined && /^[\x21-\x7e]{1,128}$/.test(named) ? named : newId();
  const given = one(headers.traceparent);
  return { correlationId, traceparent: traces === undefined ? childOf(given) : traces.start(given) };
}

/** The cause that another process of ours gives: its trace is continued as it is, whether it is recorded or not. */
export function readGivenCause(headers: IncomingHttpHeaders): Cause {
  const given = one(headers.traceparent);
  return { ...readCause(headers), ...(parseTraceparent(given) !== undefined && { traceparent: given }) };
}

/** Seconds of the first `wait` among the preferences (RFC 7240 §4.3), 30 at the most; what cannot be read is as if it were not there. */
export function readWait(prefer: string): number | undefined {
  const match = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[;,]|$)/i.exec(prefer);
  return match === null ? undefined : Math.min(Number(match[1]), waitSMax);
}

// Node joins repeated headers of these names with ", "; none of our values has a space, so a repeated one is recognised where it is checked.
function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
