import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Discovery, Endpoint, Outcome } from '@stoa/platform/discovery';
import { findAppError } from '@stoa/platform/errors';
import { unprovenHeader } from '@stoa/platform/http';
import type { PolicyListener } from '@stoa/platform/resilience';
import { idsOf } from '@stoa/platform/telemetry';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import { answer, endAfterRequest, type FlatHeaders, problemAnswer } from '../answer/write.ts';
import type { HandedOn } from '../routing/target.ts';
import { answerHeaders, closesConnection, headerOf } from './answer-headers.ts';
import { failureOf, isSilence, keepsSilent, notBelieved, tooBusy } from './failures.ts';
import { bufferedBytesMax, type RequestBody, readWhole, StreamedBody } from './request-body.ts';
import { type Outgoing, readOutgoing, sentBy } from './request-headers.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { SilenceBreaker } from './silence-breaker.ts';
import type { Kind, Upstream, Upstreams } from './upstreams.ts';

/** Everything about an operation's requests that is known before the first of them. */
export interface Way {
  readonly service: string;
  /** Under which its replicas are found. */
  readonly discoveryName: string;
  readonly discovery: Discovery;
  readonly upstreams: Upstreams;
  readonly retries: RetryBudget;
  readonly breaker: SilenceBreaker;
  /** Counts what becomes of few requests: it is not asked on the way of those that go well. */
  readonly hear: PolicyListener;
  readonly log: Logger;
  readonly proof: () => Readonly<Record<string, string>>;
  /** By its method; a request can be so by its Idempotency-Key too, where `honoursKeys`. */
  readonly isIdempotent: boolean;
  readonly honoursKeys: boolean;
  readonly bodyBytesMax: number;
  /** With less time left than this, a request shows nothing of its service when it is not answered. */
  readonly fairMs: number;
  /** Of a stream or an upload, which takes as long as it takes: it has only to go on. Of all else, each request decides. */
  readonly kind: 'body' | 'events' | undefined;
  /** The answer is a stream, whose first bytes may come long after its headers. */
  readonly streams: boolean;
}

/** A stream of events gives a sign of life every 15 s; a file that has not moved for a minute will not. */
const idleMsMax = 60_000;
const begunAttemptsMax = 2;
const attemptsMax = 3;
const none: FlatHeaders = [];

/**
 * One request on its way to a service and back. It is undici's handler itself, so that no promise and no second object is made for it; an
 * attempt that failed is followed by another with the same handler where that can do no harm.
 */
export class Passage implements Dispatcher.DispatchHandler {
  readonly #way: Way;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: HandedOn;
  readonly #outgoing: Outgoing;
  readonly #kind: Kind;
  /** The context's deadline by `performance.now`, as all times here: nobody sets that clock while a request is under way. */
  readonly #deadlineMs: number;
  #body: RequestBody = { kind: 'none' };
  #attempts = 0;
  #sentAtMs = 0;
  /** Of a body that is streamed: a service can answer only what it has. */
  #bodyEndedAtMs = 0;
  #endpoint: Endpoint | undefined;
  #upstream: Upstream | undefined;
  #streamed: StreamedBody | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #answered = false;
  /** The replica that had the request when it broke off; what was repeated elsewhere stays away from it. */
  #brokeOff: string | undefined;
  /** Of an answer that is not the client's to see: what is done when it has ended. */
  #instead: (() => void) | undefined;
  #comingBack: NodeJS.Timeout | undefined;
  /** A replica that cannot work says so faster than the others work, and would draw all requests to itself. */
  #outcome: Outcome = 'ok';
  #gone = false;

  constructor(way: Way, request: IncomingMessage, response: ServerResponse, context: HandedOn) {
    this.#way = way;
    this.#request = request;
    this.#response = response;
    this.#context = context;
    this.#deadlineMs = performance.now() + (context.deadlineMs - Date.now());
    this.#outgoing = readOutgoing(request);
    this.#kind = way.kind ?? this.#kindByItself();
  }

  start(): void {
    this.#way.retries.earn();
    this.#response.once('close', this.#leave);
    const { bodyBytes } = this.#outgoing;
    if (!this.#hasBody()) this.#attempt(undefined);
    else if (bodyBytes !== undefined && bodyBytes <= bufferedBytesMax) {
      readWhole(this.#request, (bytes) => {
        this.#body = { kind: 'buffered', bytes };
        if (!this.#gone && !this.#response.headersSent) this.#attempt(undefined);
      });
    } else {
      this.#body = { kind: 'streamed', bytesExpected: bodyBytes };
      this.#request.once('end', () => {
        // After the gateway has given up, its end is only that of being thrown away.
        if (!this.#response.headersSent) this.#bodyEndedAtMs = performance.now();
      });
      this.#attempt(undefined);
    }
  }

  #hasBody(): boolean {
    return this.#outgoing.bodyBytes !== 0 && this.#request.method !== 'GET' && this.#request.method !== 'HEAD';
  }

  #kindByItself(): Kind {
    const { bodyBytes, waitS } = this.#outgoing;
    if (this.#hasBody() && (bodyBytes === undefined || bodyBytes > bufferedBytesMax)) return 'body';
    return waitS > 0 ? 'wait' : 'answered';
  }

  #attempt(avoid: string | undefined): void {
    this.#attempts += 1;
    this.#controller = undefined;
    this.#sentAtMs = performance.now();
    if (!this.#way.breaker.admits(this.#sentAtMs)) {
      this.#way.hear.rejected('breaker');
      this.#fail(keepsSilent(this.#way.service));
      return;
    }
    try {
      this.#endpoint = this.#acquire(avoid);
    } catch (error) {
      this.#way.breaker.undecided(this.#sentAtMs);
      this.#fail(error);
      return;
    }
    const { url } = this.#endpoint;
    this.#upstream = this.#way.upstreams.of(url);
    if (this.#upstream.send(this.#options(), this, this.#kind)) return;
    this.#upstream = undefined;
    this.#letGo('unknown');
    this.#way.breaker.undecided(this.#sentAtMs);
    if (this.#mayStartElsewhere()) this.#attempt(url);
    else {
      this.#way.hear.rejected('bulkhead');
      this.#fail(tooBusy(this.#way.service));
    }
  }

  /**
   * Not one that is retiring where there is another: a request that arrives in the moment in which it goes is lost, and may not be
   * repeated when it is a change.
   */
  #acquire(avoid: string | undefined): Endpoint {
    const { discovery, discoveryName, upstreams } = this.#way;
    const endpoint = discovery.acquire(discoveryName, avoid);
    const untilMs = upstreams.of(endpoint.url).retiringUntilMs;
    if (avoid !== undefined || untilMs < performance.now()) return endpoint;
    const other = discovery.acquire(discoveryName, endpoint.url);
    // Of two that were going, the one that began earlier may be back already.
    const [chosen, left] = upstreams.of(other.url).retiringUntilMs <= untilMs ? [other, endpoint] : [endpoint, other];
    left.done('unknown');
    return chosen;
  }

  #options(): Dispatcher.DispatchOptions {
    const headers = sentBy(this.#way.proof(), this.#context, this.#outgoing.headers, this.#deadlineMs - this.#sentAtMs);
    const body = this.#body;
    if (body.kind === 'streamed') {
      const isRefused = () => this.#response.headersSent && !this.#answered;
      this.#streamed = new StreamedBody(this.#request, this.#way.bodyBytesMax, isRefused);
      if (body.bytesExpected !== undefined) headers.push('content-length', String(body.bytesExpected));
    }
    return {
      path: this.#request.url as string,
      method: this.#request.method as Dispatcher.HttpMethod,
      headers,
      body: body.kind === 'buffered' ? body.bytes : (this.#streamed ?? null),
      // Kept after a HEAD too, which undici does not dare by itself: these servers send no body after one.
      reset: false,
      // Other requests have a deadline, which is watched where they came in.
      headersTimeout: this.#way.kind === undefined ? 0 : idleMsMax,
      bodyTimeout: idleMsMax,
    };
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown rather than aborted: an abort would end the connection too, on which nothing has been sent yet.
    if (this.#gone) throw new Error('the client has gone');
    this.#controller = controller;
    this.#streamed?.begin();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 103 and the like come before the answer.
    if (status < 200) return;
    const response = this.#response;
    if (response.headersSent || response.destroyed) {
      controller.abort(new Error('the request has been answered already'));
      return;
    }
    // The service itself gives up at the same deadline, and may say so a moment before the gateway would.
    if (status === 504) this.#notAnsweredInTime();
    else this.#way.breaker.heard(performance.now());
    const raw = controller.rawHeaders as Buffer[];
    this.#instead = this.#insteadOf(status, raw);
    if (this.#instead !== undefined) return;
    // The rest of the body will not be asked for, so the connection cannot carry another request.
    if (this.#hasUnreadBody()) response.shouldKeepAlive = false;
    // After a refusal it may be about the rest of the body.
    if (status < 400 && closesConnection(raw)) this.#upstream?.retire();
    response.writeHead(status, answerHeaders(raw, status, this.#context.answerHeaders ?? none));
    this.#answered = true;
    this.#outcome = status === 503 ? 'failed' : 'ok';
    if (!this.#way.streams) return;
    response.flushHeaders();
    // Its replica has done its part. Counted as a call for as long as it lasts, a stream would keep a replica that was ejected from being tried again.
    this.#release(this.#outcome);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const response = this.#response;
    if (this.#instead !== undefined || response.destroyed || response.write(chunk)) return;
    controller.pause();
    response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#instead !== undefined) this.#instead();
    else this.#end();
  }

  #end(): void {
    this.#settle(this.#outcome);
    if (this.#hasUnreadBody()) endAfterRequest(this.#response);
    else this.#response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const url = this.#endpoint?.url;
    const begun = this.#controller !== undefined;
    const isClients = this.#isClients(error);
    this.#settle(isClients ? this.#outcomeSoFar() : 'failed');
    if (!this.#answered) this.#tellBreaker(error, isClients);
    if (this.#gone) return;
    if (this.#answered) {
      // Cut short, so that nobody takes the half for the whole.
      this.#logFailure(error);
      this.#response.destroy();
    } else if (begun ? this.#mayRepeat(error) : this.#mayStartElsewhere()) {
      if (begun) this.#brokeOff = url;
      this.#way.hear.retried(begun ? 'failed' : 'not-begun');
      this.#way.log.info({ err: error, service: this.#way.service, url }, 'a request is sent to another replica');
      this.#attempt(url);
    } else this.#fail(failureOf(this.#way.service, error, begun));
  }

  /** A client that goes away, sends too much, or is slow to send, says nothing about the service; but a service that is silent until the time is over does. */
  #isClients(error: Error): boolean {
    if (this.#gone) return this.#answered || !this.#isLate() || this.#hasUnreadBody() || this.#wasHurried();
    return findAppError(error)?.kind === 'refusal';
  }

  /** Whose client went away before the answer has said nothing yet. */
  #outcomeSoFar(): Outcome {
    return this.#answered ? this.#outcome : 'unknown';
  }

  #insteadOf(status: number, raw: readonly Buffer[]): (() => void) | undefined {
    if (status === 401 && headerOf(raw, unprovenHeader) !== undefined) return () => this.#goWhereBelieved();
    if (status !== 409 || this.#brokeOff === undefined) return undefined;
    const waitMs = Number(headerOf(raw, 'retry-after') ?? Number.NaN) * 1000;
    return performance.now() + waitMs < this.#endsAtMs() ? () => this.#comeBack(waitMs) : undefined;
  }

  /** Nothing has been begun: whoever does not believe the gateway only reads who it claims to be. */
  #goWhereBelieved(): void {
    const url = this.#endpoint?.url;
    this.#settle('failed');
    if (this.#gone) return;
    const error = notBelieved(this.#way.service);
    if (this.#body.kind === 'streamed' || !this.#mayStartElsewhere()) {
      this.#fail(error);
      return;
    }
    this.#logFailure(error);
    this.#attempt(url);
  }

  /**
   * The replica that broke off may have died while it held the request's key, which is free a moment later. The client has sent its request once, so it is
   * the gateway that waits. It is asked again, not tried again, so this takes nothing of the attempts.
   */
  #comeBack(waitMs: number): void {
    this.#settle('ok');
    if (this.#gone) return;
    this.#attempts -= 1;
    this.#comingBack = setTimeout(() => this.#attempt(this.#brokeOff), waitMs);
  }

  #tellBreaker(error: Error, isClients: boolean): void {
    const { breaker } = this.#way;
    const nowMs = performance.now();
    if (isClients) breaker.undecided(nowMs);
    else if (this.#gone || isSilence(error)) this.#notAnsweredInTime();
    else breaker.heard(nowMs);
  }

  #notAnsweredInTime(): void {
    const { breaker } = this.#way;
    if (this.#wasHurried()) breaker.undecided(performance.now());
    else breaker.silent(this.#sentAtMs, performance.now());
  }

  /** Whether its client's body took nearly all of the time, so that no service could have answered in the rest. */
  #wasHurried(): boolean {
    return this.#endsAtMs() - Math.max(this.#sentAtMs, this.#bodyEndedAtMs) < this.#way.fairMs;
  }

  /** The service may have carried it out already, so it has to be one that may be carried out twice. */
  #mayRepeat(error: Error): boolean {
    const { isIdempotent, honoursKeys, retries } = this.#way;
    const { hasIdempotencyKey, hasCondition } = this.#outgoing;
    // The second of two equal changes under a condition would find that the first has made it untrue.
    const harmless = (isIdempotent && !hasCondition) || (honoursKeys && hasIdempotencyKey);
    if (!harmless || this.#attempts >= begunAttemptsMax || this.#body.kind === 'streamed' || this.#isLate())
      return false;
    if ((error as NodeJS.ErrnoException).code?.endsWith('_TIMEOUT')) return false;
    if (retries.spend()) return true;
    this.#way.hear.rejected('budget');
    return false;
  }

  /** No service has seen any of it, so it can do no harm elsewhere, whatever it is. */
  #mayStartElsewhere(): boolean {
    const { discovery, discoveryName } = this.#way;
    return this.#attempts < attemptsMax && !this.#isLate() && discovery.endpoints(discoveryName).length > 1;
  }

  #isLate(): boolean {
    // The clock that timers go by may be a millisecond behind.
    return performance.now() + 1 >= this.#endsAtMs();
  }

  #endsAtMs(): number {
    return this.#deadlineMs + this.#outgoing.waitS * 1000;
  }

  #hasUnreadBody(): boolean {
    return this.#outgoing.bodyBytes !== 0 && !this.#request.complete;
  }

  /** The response has closed: it has gone out, or its client has gone away, or somebody else (who watches the time) has answered. */
  #leave = (): void => {
    this.#gone = true;
    clearTimeout(this.#comingBack);
    this.#controller?.abort(new Error('nobody waits for the answer any more'));
  };

  #settle(outcome: Outcome): void {
    this.#upstream?.over(this.#kind);
    this.#upstream = undefined;
    this.#letGo(outcome);
  }

  /** Nobody else would hear that the client of a body has gone: unheard, that ends the process. */
  #letGo(outcome: Outcome): void {
    this.#release(outcome);
    this.#streamed?.destroy();
    this.#streamed = undefined;
  }

  #release(outcome: Outcome): void {
    this.#endpoint?.done(outcome);
    this.#endpoint = undefined;
  }

  #fail(error: unknown): void {
    if (findAppError(error)?.kind !== 'refusal') this.#logFailure(error);
    const { cause, answerHeaders: own } = this.#context;
    const { problem, headers, body } = problemAnswer(error, cause.traceparent, own ?? none);
    answer(this.#response, problem.status, headers, body);
  }

  #logFailure(error: unknown): void {
    const line = { ...idsOf(this.#context.cause), err: error, service: this.#way.service };
    this.#way.log.warn(line, 'a service gave no answer');
  }
}
