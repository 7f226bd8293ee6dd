import type { IncomingMessage } from 'node:http';
import type { FlatHeaders } from './write.ts';

/** What scripts of other sites may do here. */
export interface Cors {
  /** Headers for answers to a request of this origin; none when it may not read them. */
  headersFor(origin: string | undefined): FlatHeaders;
  /** Headers that answer a preflight, beside those for every answer; undefined when the request is none, or from elsewhere. */
  preflight(request: IncomingMessage, origin: string | undefined, allow: readonly string[]): FlatHeaders | undefined;
}

const none: FlatHeaders = [];
const vary: FlatHeaders = ['Vary', 'Origin'];
const exposed = [
  'ETag',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Idempotency-Replayed',
  'X-Correlation-Id',
  'X-Request-Id',
].join(', ');
const accepted = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'Traceparent',
  'X-Cart-Token',
  'X-Correlation-Id',
  'X-Order-Token',
].join(', ');

/** Answers for the origins configured. Tokens travel in a header of their own, so credentials (cookies) are never allowed. */
export function createCors(origins: readonly string[]): Cors {
  const everybody = origins.includes('*');
  const known = new Set(origins.map((origin) => origin.toLowerCase()));

  function headersFor(origin: string | undefined): FlatHeaders {
    if (known.size === 0) return none;
    if (origin === undefined || !(everybody || known.has(origin.toLowerCase()))) return vary;
    return [...vary, 'Access-Control-Allow-Origin', everybody ? '*' : origin, 'Access-Control-Expose-Headers', exposed];
  }

  return {
    headersFor,
    preflight(request, origin, allow) {
      if (request.headers['access-control-request-method'] === undefined) return undefined;
      if (!headersFor(origin).includes('Access-Control-Allow-Origin')) return undefined;
      return [
        'Access-Control-Allow-Methods',
        allow.join(', '),
        'Access-Control-Allow-Headers',
        accepted,
        'Access-Control-Max-Age',
        '600',
      ];
    },
  };
}
