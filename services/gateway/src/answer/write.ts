import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorDeclaration, kitErrors } from '@stoa/platform/errors';
import { type Problem, problemHeaders, problemOf } from '@stoa/platform/http';
import { traceIdOf } from '@stoa/platform/telemetry';
import { rateLimitHeader } from '../limits/limits.ts';
import type { Exchange } from '../request/exchange.ts';

/** Names and values in turn, as `writeHead` takes them fastest. */
export type FlatHeaders = readonly string[];

/** Headers that every answer has, besides its ids. */
export const securityHeaders: FlatHeaders = [
  'X-Content-Type-Options',
  'nosniff',
  'X-Frame-Options',
  'DENY',
  'Referrer-Policy',
  'no-referrer',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
];

/** Headers made anew for one answer: who it belongs to and how much of the quota is left. */
export function ownHeaders(exchange: Pick<Exchange, 'requestId' | 'cause' | 'counted'>): string[] {
  const { requestId, cause, counted } = exchange;
  const headers = ['X-Request-Id', requestId, 'X-Correlation-Id', cause.correlationId];
  if (counted !== undefined) {
    headers.push('RateLimit-Policy', counted.policy.header, 'RateLimit', rateLimitHeader(counted));
  }
  return headers;
}

/** Answers with what is ready; a body that the client has not sent to its end is not waited for. */
export function answer(
  response: ServerResponse,
  status: number,
  headers: FlatHeaders,
  body: Buffer | string | undefined,
): void {
  if (response.headersSent || response.destroyed) return;
  const { req: request } = response;
  const unread = hasUnreadBody(request);
  // Node would close with the rest of the request unread, and the reset that follows can destroy the answer on its way.
  if (unread) response.shouldKeepAlive = false;
  response.writeHead(status, headers as string[]);
  if (!unread) {
    response.end(body);
    return;
  }
  if (body !== undefined && request.method !== 'HEAD') response.write(body);
  else response.flushHeaders();
  const end = () => response.end();
  const timer = setTimeout(end, lingerMs);
  request.once('close', () => clearTimeout(timer));
  request.once('end', end);
  request.on('error', end);
  request.resume();
}

/** Whether more of the request is to come. `complete` alone does not say: it is false while the headers are looked at. */
function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** How long the rest of a refused request is read and thrown away, so that the answer arrives. */
const lingerMs = 1000;

/** Answers with what went wrong, as problem+json. */
export function answerProblem(
  exchange: Pick<Exchange, 'response' | 'requestId' | 'cause' | 'counted'>,
  error: unknown,
  extra: FlatHeaders = [],
): Problem {
  const problem = problemOf(error, noDeclarations, traceIdOf(exchange.cause.traceparent));
  const body = JSON.stringify(problem);
  const headers = [
    ...securityHeaders,
    ...ownHeaders(exchange),
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    ...extra,
  ];
  for (const [name, value] of Object.entries(problemHeaders(problem, error))) headers.push(name, value);
  answer(exchange.response, problem.status, headers, body);
  return problem;
}

const noDeclarations: Readonly<Record<string, ErrorDeclaration>> = {};

/** A problem for a connection on which no request could be read: as bytes, after which it is closed. */
export function rawProblem(code: 'request.invalid' | 'request.timeout', status: number, detail: string): string {
  const { title } = kitErrors[code];
  const body = JSON.stringify({ type: `/docs/errors#${code}`, title, status, detail, code, traceId: '' });
  return [
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
