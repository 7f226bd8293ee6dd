import { newId } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';
import { parseTraceparent } from '@stoa/platform/telemetry';

const correlationForm = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The ids of one request. */
export interface RequestIds {
  readonly requestId: string;
  readonly cause: Cause;
}

/**
 * Gives a request its ids. A correlation id or trace that cannot be read is replaced, as RFC 9110 and W3C Trace Context ask. A trace
 * that begins here has the request's id as its own, so one can be found from the other.
 *
 * @param startTrace decides which traces are recorded; without it only those that already are
 */
export function identifyRequest(
  correlationId: string | undefined,
  traceparent: string | undefined,
  startTrace?: (traceparent?: string) => string,
): RequestIds {
  const requestId = newId();
  const given =
    traceparent !== undefined && parseTraceparent(traceparent) !== undefined ? traceparent : beginTrace(requestId);
  return {
    requestId,
    cause: {
      correlationId: correlationId !== undefined && correlationForm.test(correlationId) ? correlationId : requestId,
      traceparent: startTrace === undefined ? given : startTrace(given),
    },
  };
}

function beginTrace(requestId: string): string {
  const hex = requestId.replaceAll('-', '');
  return `00-${hex}-${hex.slice(16)}-00`;
}
