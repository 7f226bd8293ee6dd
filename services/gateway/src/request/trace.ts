import { newId } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';

const traceparentForm = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const correlationForm = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The ids of one request. */
export interface RequestIds {
  readonly requestId: string;
  readonly cause: Cause;
}

/**
 * Gives a request its ids. A correlation id or trace that cannot be read is replaced, as RFC 9110 and W3C Trace Context ask. A trace
 * that begins here has the request's id as its own, so one can be found from the other.
 */
export function identifyRequest(correlationId: string | undefined, traceparent: string | undefined): RequestIds {
  const requestId = newId();
  return {
    requestId,
    cause: {
      correlationId: correlationId !== undefined && correlationForm.test(correlationId) ? correlationId : requestId,
      traceparent: traceparent !== undefined && traceparentForm.test(traceparent) ? traceparent : beginTrace(requestId),
    },
  };
}

function beginTrace(requestId: string): string {
  const hex = requestId.replaceAll('-', '');
  return `00-${hex}-${hex.slice(16)}-01`;
}

/** The trace's id, for problem answers. */
export function traceIdOf(cause: Cause): string {
  return cause.traceparent?.slice(3, 35) ?? cause.correlationId;
}
