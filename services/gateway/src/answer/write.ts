import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorDeclaration } from '@stoa/platform/errors';
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

/** What of an exchange its answer's headers are made of. */
type Answerable = Pick<Exchange, 'requestId' | 'cause' | 'counted' | 'corsHeaders'>;

/** Headers made anew for one answer: which request it belongs to, whose scripts may read it, how much of the quota is left. */
export function ownHeaders(exchange: Answerable): string[] {
  const { requestId, cause, counted, corsHeaders } = exchange;
  const headers = ['X-Request-Id', requestId, 'X-Correlation-Id', cause.correlationId, ...corsHeaders];
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
  endAfterRequest(response);
}

/** Ends an answer that came before the request had been read: its rest is thrown away first, so that no reset destroys the answer on its way. */
export function endAfterRequest(response: ServerResponse): void {
  const { req: request } = response;
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
  exchange: Answerable & Pick<Exchange, 'response'>,
  error: unknown,
  extra: FlatHeaders = [],
): void {
  const own = [...securityHeaders, ...ownHeaders(exchange), ...extra];
  const { problem, headers, body } = problemAnswer(error, exchange.cause.traceparent, own);
  answer(exchange.response, problem.status, headers, body);
}

/** What went wrong as an answer: problem+json, its headers after the gateway's own. */
export function problemAnswer(
  error: unknown,
  traceparent: string | undefined,
  own: FlatHeaders,
): { readonly problem: Problem; readonly headers: FlatHeaders; readonly body: string } {
  const problem = problemOf(error, noDeclarations, traceIdOf(traceparent));
  const body = JSON.stringify(problem);
  const length = String(Buffer.byteLength(body));
  const headers = [...own, 'Content-Type', 'application/problem+json', 'Content-Length', length];
  headers.push('Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(problemHeaders(problem, error))) headers.push(name, value);
  return { problem, headers, body };
}

const noDeclarations: Readonly<Record<string, ErrorDeclaration>> = {};
