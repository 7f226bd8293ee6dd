import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bearerToken, type Callers } from '@stoa/platform/auth';
import { type AppError, refusal } from '@stoa/platform/errors';
import { timeoutMsDefault } from '@stoa/platform/http';
import { anonymous } from '@stoa/platform/schema';
import type { Clock } from '@stoa/platform/time';
import type { Cors } from './answer/cors.ts';
import { bodyBytesMaxDefault, tooLarge } from './answer/too-large.ts';
import { answer, answerProblem, ownHeaders, securityHeaders } from './answer/write.ts';
import type { CachedAnswers } from './cache/cached-answers.ts';
import type { InFlight } from './in-flight.ts';
import type { Counted, Limits } from './limits/limits.ts';
import type { OpenStreams } from './limits/open-streams.ts';
import type { Proxies } from './request/client-address.ts';
import type { Exchange } from './request/exchange.ts';
import { readHead, withoutDropped } from './request/head.ts';
import { accountIn, peekBody } from './request/peek-body.ts';
import { readTarget } from './request/target.ts';
import { identifyRequest } from './request/trace.ts';
import type { Route, Routes } from './routing/routes.ts';

/** Everything that a request meets on its way. */
export interface Stations {
  readonly clock: Clock;
  readonly proxies: Proxies;
  readonly routes: Routes;
  readonly callers: Callers;
  readonly limits: Limits | undefined;
  readonly openStreams: OpenStreams | undefined;
  readonly cached: CachedAnswers;
  readonly cors: Cors;
  readonly inFlight: InFlight;
  readonly startTrace: ((traceparent?: string) => string) | undefined;
  /** Hears of every request once it has been answered. */
  readonly observe: (exchange: Exchange) => void;
  /** Hears of every request that may have changed something at a service. */
  readonly changed: (route: Route) => void;
}

const nowhere = { kind: 'nothing' } as const;
const dayMs = 86_400_000;
/** Bodies of auth routes hold an address and a password. */
const authBodyBytesMax = 16_384;

/** What is done with each request, in this order: distrust, route, who, how many, from memory or handed on. No promise unless one is needed. */
export function createReceiver(stations: Stations): (request: IncomingMessage, response: ServerResponse) => void {
  const { clock, proxies, routes, callers, limits, openStreams, cached, cors, inFlight } = stations;

  /** Connections that are being closed: what was sent behind a refused request is not looked at, for it may be a part of it. */
  const doomed = new WeakSet<Socket>();

  return (request, response) => {
    if (doomed.has(request.socket)) return;
    const peer = request.socket.remoteAddress ?? '';
    const isTrusted = proxies.isTrusted(peer);
    const head = readHead(request.rawHeaders, request.httpVersion, isTrusted);
    const ids = identifyRequest(head.correlationId, head.traceparent, stations.startTrace);
    const target = readTarget(request.url ?? '', head.host);
    const problem = head.refused ?? ('refused' in target ? target.refused : undefined);
    const url = 'refused' in target ? '/' : target.url;
    const path = 'refused' in target ? '/' : target.path;
    const exchange: Exchange = {
      request,
      response,
      head,
      method: request.method ?? '',
      url,
      path,
      found: problem === undefined ? routes.find(request.method ?? '', path) : nowhere,
      clientAddress: proxies.clientAddress(peer, head.forwardedFor),
      requestId: ids.requestId,
      cause: ids.cause,
      startedMs: performance.now(),
      principal: anonymous,
      corsHeaders: cors.headersFor(head.origin),
      counted: undefined,
    };
    // A connection over which two programs may disagree carries no further request.
    if (problem === undefined) identify(exchange);
    else {
      doomed.add(request.socket);
      finish(exchange, refusal('request.invalid', problem), ['Connection', 'close']);
    }
  };

  function identify(exchange: Exchange) {
    const { found, head } = exchange;
    const token = bearerToken(head.authorization);
    const proves = found.kind === 'route' && found.route.operation.access.who !== 'signed';
    if (token === undefined || !proves) return admit(exchange);
    const { catchingUp } = callers.feed;
    if (catchingUp === undefined) believe(exchange, token);
    else catchingUp.then(() => believe(exchange, token)).catch((error: unknown) => finish(exchange, error));
  }

  /** Bad tokens of an address are held against those that have to be verified, not against whoever is known. */
  function believe(exchange: Exchange, token: string) {
    const known = callers.known(token);
    if (known === undefined) {
      verify(exchange, token).catch((error: unknown) => finish(exchange, error));
      return;
    }
    exchange.principal = known;
    admit(exchange);
  }

  async function verify(exchange: Exchange, token: string): Promise<void> {
    const tooMany = limits?.mayVerify(exchange.clientAddress);
    if (tooMany?.exceeded) return finish(exchange, exceeded(exchange, tooMany));
    try {
      exchange.principal = await callers.verify(token, exchange.cause);
    } catch (error) {
      if ((error as AppError).code === 'auth.invalid') limits?.badToken(exchange.clientAddress);
      throw error;
    }
    admit(exchange);
  }

  function admit(exchange: Exchange) {
    const { found } = exchange;
    // A preflight carries no token, so it would count against its address what its caller asks; no service hears of it.
    const isPreflight = exchange.method === 'OPTIONS' && found.kind === 'other-methods';
    if (limits === undefined || isPreflight || (found.kind === 'route' && found.route.quota === 'none'))
      return serve(exchange);
    if (found.kind === 'route' && found.route.quota === 'auth') {
      admitToAccount(exchange, limits).catch((error: unknown) => finish(exchange, error));
      return;
    }
    const signed = found.kind === 'route' && found.route.quota === 'signed';
    exchange.counted = limits.request(exchange.principal, exchange.clientAddress, signed);
    if (exchange.counted.exceeded) finish(exchange, exceeded(exchange, exchange.counted));
    else serve(exchange);
  }

  /** The body is read while nothing has been handed on, so the watch over slow bodies begins here. */
  async function admitToAccount(exchange: Exchange, counting: Limits): Promise<void> {
    const { request, response, head } = exchange;
    exchange.counted = await counting.authAddress(exchange.clientAddress);
    if (hasGone(exchange)) return stations.observe(exchange);
    if (exchange.counted.exceeded) return finish(exchange, exceeded(exchange, exchange.counted));
    if (head.contentLength > authBodyBytesMax) throw tooLarge(authBodyBytesMax);
    if (head.expectsContinue) response.writeContinue();
    inFlight.add(exchange, { answerWithinMs: dayMs, streamedBody: false, streams: false });
    const account = accountIn(await peekBody(request, authBodyBytesMax));
    if (account !== undefined) {
      const counted = await counting.authAccount(account);
      if (counted.remaining < (exchange.counted?.remaining ?? 0)) exchange.counted = counted;
      if (counted.exceeded) return finish(exchange, exceeded(exchange, counted));
    }
    serve(exchange);
  }

  function serve(exchange: Exchange) {
    const { found, request, head } = exchange;
    if (hasGone(exchange)) return stations.observe(exchange);
    if (request.method === 'OPTIONS') return options(exchange);
    if (found.kind === 'nothing')
      return finish(exchange, refusal('route.not-found', 'There is nothing at this address.'));
    if (found.kind === 'other-methods') return otherMethods(exchange, found.allow);
    const { route } = found;
    if (cached.admits(exchange, route)) {
      const later = cached.answer(exchange, route);
      if (later === undefined) stations.observe(exchange);
      else
        later.then(
          () => stations.observe(exchange),
          (error: unknown) => finish(exchange, error),
        );
      return;
    }
    if (exchange.method === 'HEAD' && hasNoEnd(route)) return otherMethods(exchange, ['GET']);
    const bytesMax = route.operation.bodyBytesMax ?? bodyBytesMaxDefault;
    if (head.contentLength > bytesMax) return finish(exchange, tooLarge(bytesMax));
    handOver(exchange, route);
  }

  function handOver(exchange: Exchange, route: Route): void {
    const { request, response, head, cause, requestId, clientAddress, principal } = exchange;
    const { operation } = route;
    const streams = operation.streams === 'text/event-stream';
    if (streams && openStreams?.enter(principal, clientAddress, response) === false) {
      finish(exchange, tooManyStreams());
      return;
    }
    const timeoutMs = operation.timeoutMs ?? (operation.streams === undefined ? timeoutMsDefault : dayMs);
    const deadlineMs = clock.nowMs() + timeoutMs;
    request.url = exchange.url;
    if (head.dropped !== undefined) dropHeaders(request, head.dropped);
    const answerHeaders = [...securityHeaders, ...ownHeaders(exchange)];
    if (route.target.kind === 'local') {
      // The answer's body is left out by Node, which made the response for a HEAD.
      if (request.method === 'HEAD') request.method = 'GET';
      setHeaders(response, answerHeaders);
    }
    inFlight.add(exchange, {
      answerWithinMs: timeoutMs + head.waitS * 1000,
      // Files take as long as they take; a small body that is read raw has to arrive like any other.
      streamedBody: operation.rawBody !== undefined && (operation.bodyBytesMax ?? 0) > bodyBytesMaxDefault,
      streams,
    });
    response.once('close', () => {
      stations.observe(exchange);
      if (operation.method !== 'GET' && response.statusCode < 400) stations.changed(route);
    });
    if (head.expectsContinue && !request.complete) response.writeContinue();
    route.target.handle(request, response, { principal, cause, requestId, clientAddress, deadlineMs, answerHeaders });
  }

  function options(exchange: Exchange) {
    const allow = routes.find('OPTIONS', exchange.path);
    if (allow.kind !== 'other-methods') {
      return finish(exchange, refusal('route.not-found', 'There is nothing at this address.'));
    }
    const methods = [...allow.allow, 'OPTIONS'];
    const preflight = cors.preflight(exchange.request, exchange.head.origin, methods) ?? [];
    const headers = [...ownHeaders(exchange), ...securityHeaders, 'Allow', methods.join(', '), ...preflight];
    answer(exchange.response, 204, headers, undefined);
    stations.observe(exchange);
  }

  function otherMethods(exchange: Exchange, allow: readonly string[]): void {
    finish(exchange, refusal('request.method-not-allowed', `Here one can ${allow.join(', ')}.`), [
      'Allow',
      allow.join(', '),
    ]);
  }

  function finish(exchange: Exchange, error: unknown, extra: readonly string[] = []): void {
    answerProblem(exchange, error, extra);
    stations.observe(exchange);
  }
}

/** Whether its client left while it was looked at. Handed on now, it would never be given up: its response has closed already. */
function hasGone({ response }: Exchange): boolean {
  return response.destroyed;
}

function exceeded(exchange: Exchange, counted: Counted): AppError {
  exchange.counted = counted;
  return refusal('quota-exceeded', 'Too many requests. Come back later.', { retryAfterS: counted.resetS });
}

function tooManyStreams(): AppError {
  return refusal('quota-exceeded', 'Too many streams are open. Close one first.', { retryAfterS: 5 });
}

/** A stream of events: its HEAD would run as long as its GET. */
function hasNoEnd({ operation }: Route): boolean {
  return operation.streams === 'text/event-stream';
}

function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2)
    response.setHeader(headers[index] as string, headers[index + 1] as string);
}

/** Node has read some of them into an object already, so they go from both. */
function dropHeaders(request: IncomingMessage, dropped: ReadonlySet<string>): void {
  request.rawHeaders = withoutDropped(request.rawHeaders, dropped);
  for (const name of dropped) delete request.headers[name];
}
