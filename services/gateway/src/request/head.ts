import { readWait } from '@stoa/platform/http';
import { readHost } from './host.ts';

/** What the gateway takes from a request's headers. Texts as they came, each at most once. */
export interface Head {
  host: string | undefined;
  authorization: string | undefined;
  correlationId: string | undefined;
  traceparent: string | undefined;
  ifNoneMatch: string | undefined;
  origin: string | undefined;
  forwardedFor: string | undefined;
  contentLength: number;
  chunked: boolean;
  /** Whether the client waits for a 100 before it sends the body. */
  expectsContinue: boolean;
  contentType: string | undefined;
  /** Seconds of `Prefer: wait=N`; 0 without. */
  waitS: number;
  /** Names (lower case) that must not travel on; undefined when all may. */
  dropped: Set<string> | undefined;
  /** Why the request is refused; undefined when it is not. */
  refused: string | undefined;
}

/** Headers that only the gateway may set: dropped when they come from outside, refused when they come twice or in disguise. */
const ours = new Set(['x-user-id', 'x-user-role', 'x-user-name', 'x-user-email', 'x-principal', 'x-service-name']);
/** Told by the peer in front of us: dropped unless that peer is trusted. */
const forwarded = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-real-ip',
]);
/** Two of these say two things, and somebody behind us might believe the other one. */
const single = new Set([
  ...ours,
  'host',
  'authorization',
  'content-length',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'last-event-id',
  'origin',
  'traceparent',
  'transfer-encoding',
  'x-cart-token',
  'x-correlation-id',
  'x-order-token',
]);
const hopByHop = new Set([
  'close',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'host',
]);
const lowerCase = new Map<string, string>();

/**
 * Reads all headers in one pass.
 *
 * @param raw names and values in turn, as they came
 * @param isTrustedPeer whether the connection is from a configured proxy, whose `X-Forwarded-*` count
 */
export function readHead(raw: readonly string[], httpVersion: string, isTrustedPeer: boolean): Head {
  const head: Head = {
    host: undefined,
    authorization: undefined,
    correlationId: undefined,
    traceparent: undefined,
    ifNoneMatch: undefined,
    origin: undefined,
    forwardedFor: undefined,
    contentLength: 0,
    chunked: false,
    expectsContinue: false,
    contentType: undefined,
    waitS: 0,
    dropped: undefined,
    refused: undefined,
  };
  const seen: string[] = [];
  let connection: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = toLowerCase(raw[index] as string);
    const value = raw[index + 1] as string;
    if (single.has(name)) {
      if (seen.includes(name)) return refuse(head, `There are two ${name} headers.`);
      seen.push(name);
    }
    switch (name) {
      case 'host':
        head.host = value;
        break;
      case 'authorization':
        head.authorization = value;
        break;
      case 'x-correlation-id':
        head.correlationId = value;
        break;
      case 'traceparent':
        head.traceparent = value;
        break;
      case 'if-none-match':
        head.ifNoneMatch = value;
        break;
      case 'origin':
        head.origin = value;
        break;
      case 'content-type':
        head.contentType = value;
        break;
      case 'content-length':
        head.contentLength = Number(value);
        break;
      case 'transfer-encoding':
        if (httpVersion !== '1.1') return refuse(head, 'HTTP/1.0 has no Transfer-Encoding.');
        if (value.trim().toLowerCase() !== 'chunked') return refuse(head, 'The only transfer coding here is chunked.');
        head.chunked = true;
        break;
      case 'expect':
        // Whatever else can be expected was refused before.
        head.expectsContinue = true;
        break;
      case 'connection':
        connection = connection === undefined ? value : `${connection},${value}`;
        break;
      case 'prefer':
        head.waitS = Math.max(head.waitS, readWait(value) ?? 0);
        break;
      case 'x-forwarded-for':
        // Several lines are one list (RFC 9110 §5.3).
        if (isTrustedPeer)
          head.forwardedFor = head.forwardedFor === undefined ? value : `${head.forwardedFor},${value}`;
        else drop(head, name);
        break;
      default:
        if (name.includes('_')) {
          if (isOurs(name.replaceAll('_', '-'))) return refuse(head, `${name} is written with dashes.`);
          drop(head, name);
        } else if (isOurs(name) || (!isTrustedPeer && forwarded.has(name))) drop(head, name);
    }
  }
  return settle(head, connection, httpVersion);
}

/** What can be said only when all headers are known. */
function settle(head: Head, connection: string | undefined, httpVersion: string): Head {
  if (head.host === undefined) {
    if (httpVersion === '1.1') return refuse(head, 'There is no Host header.');
  } else if (!readHost(head.host)) return refuse(head, 'The Host header is not a host.');
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') dropListed(head, connection);
  return head;
}

/** A client may end a header at the first hop by listing it in Connection: then nobody behind sees it, and neither do we. */
function dropListed(head: Head, connection: string): void {
  for (const item of connection.toLowerCase().split(',')) {
    const name = item.trim();
    if (name === '' || hopByHop.has(name)) continue;
    drop(head, name);
    if (name === 'authorization') head.authorization = undefined;
    if (name === 'x-correlation-id') head.correlationId = undefined;
    if (name === 'traceparent') head.traceparent = undefined;
    if (name === 'if-none-match') head.ifNoneMatch = undefined;
    if (name === 'x-forwarded-for') head.forwardedFor = undefined;
  }
}

function refuse(head: Head, reason: string): Head {
  head.refused = reason;
  return head;
}

function drop(head: Head, name: string): void {
  head.dropped ??= new Set();
  head.dropped.add(name);
}

function isOurs(name: string): boolean {
  return ours.has(name) || name.startsWith('x-stoa-') || name.startsWith('x-internal-');
}

/** Header names come in few spellings; lower-casing a known one is a look-up. */
function toLowerCase(name: string): string {
  let lower = lowerCase.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (lowerCase.size < 1000) lowerCase.set(name, lower);
  }
  return lower;
}

/** Raw headers without those that must not travel on. */
export function withoutDropped(raw: readonly string[], dropped: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (!dropped.has(name.toLowerCase())) kept.push(name, raw[index + 1] as string);
  }
  return kept;
}
