import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { refusal } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import { anonymous, type Cause, type Principal } from '../schema/index.ts';
import type { Answer, RequestContext, Service } from '../service/index.ts';
import type { Traces } from '../telemetry/index.ts';
import { isSampled, traceIdOf } from '../telemetry/index.ts';
import type { Door } from './authorise.ts';
import { carryOut, type RawInput } from './carry-out.ts';
import { checkAnswer } from './check-answer.ts';
import type { OperationPlan } from './operation-plan.ts';
import { logProblem, problemHeaders, problemOf } from './problem.ts';
import { readCause, readGivenCause, readHead } from './request-head.ts';
import { isFromOutside, readOnBehalf, unprovenHeader } from './service-headers.ts';
import { send, type WireAnswer, wireAnswer, wireProblem } from './write-answer.ts';

/** Hears of an answered request: for metrics. `operation` is its name in the contract, so there are few of them. */
export type ObserveRequest = (operation: string, method: string, status: number, seconds: number) => void;

export interface ExchangeOptions {
  readonly log: Logger;
  readonly verifyToken?: (token: string, cause: Cause) => Promise<Principal>;
  readonly callerOf?: (request: IncomingMessage) => string | undefined;
  readonly observe?: ObserveRequest;
  readonly checkAnswers?: boolean;
  readonly traces?: Traces;
}

/** Requests and their answers, from the gateway beside it or from a socket of its own. */
export interface Exchanges {
  /** Marks a request as handed over by the gateway, which has found out who asks. */
  attach(request: IncomingMessage, context: RequestContext): void;
  serve(plan: OperationPlan, request: IncomingMessage, response: ServerResponse, raw: RawInput): void;
  /** Answers a request that reached no operation. */
  refuse(
    request: IncomingMessage,
    response: ServerResponse,
    no: { error: unknown; headers: Record<string, string> },
  ): void;
  /** Counts a request that came over a socket of ours as running from its head to the last byte of its answer. */
  watch(response: ServerResponse): void;
  /** From now on every answer ends its connection. */
  retire(): void;
  /** Ends streams of events, those that are about to begin too, and waits for running requests until `deadlineMs` (since the epoch). */
  finish(deadlineMs: number): Promise<void>;
}

const drainMsMax = 10_000;
const contextKey = Symbol('gateway context');
type MarkedRequest = IncomingMessage & { [contextKey]?: RequestContext };

interface Caller {
  readonly door: Door;
  readonly principal: Principal;
  readonly deadlineMs: number;
}

export function createExchanges(service: Service, options: ExchangeOptions): Exchanges {
  const { log, observe, traces } = options;
  const running = new Set<ServerResponse>();
  /** Of sockets of ours: a body may still come, and an answer that has been written may be waiting for its reader. */
  const unsent = new Set<ServerResponse>();
  const eventStreams = new Set<NonNullable<Answer['stream']>>();
  let closing = false;
  let finishing = false;
  let whenIdle: (() => void) | undefined;

  async function exchange(
    plan: OperationPlan,
    request: MarkedRequest,
    response: ServerResponse,
    raw: RawInput,
  ): Promise<void> {
    const startedMs = performance.now();
    const { headers } = request;
    const context = request[contextKey];
    let cause = context?.cause ?? readCause(headers, traces);
    const method = request.method as string;
    let wire: WireAnswer;
    try {
      const head = readHead(headers);
      const ownDeadlineMs = Date.now() + plan.timeoutMs;
      const caller: Caller = context
        ? { door: 'gateway', ...context }
        : await identify(request, plan, { cause, ownDeadlineMs }, options);
      // Another process of ours has decided already whether this trace is recorded.
      if (caller.door !== 'socket') cause = context?.cause ?? readGivenCause(headers);
      const asked = {
        head,
        cause,
        principal: caller.principal,
        // Whoever set the deadline may or may not have counted the wait that the caller prefers.
        deadlineMs: Math.min(caller.deadlineMs, ownDeadlineMs) + (head.waitS ?? 0) * 1000,
        headers: () => flatHeaders(headers),
        onGone: (gone: () => void) => whenGone(response, gone),
      };
      const answer = await carryOut(plan, caller.door, asked, raw, service, traces);
      if (options.checkAnswers === true) checkAnswer(plan, answer);
      wire = wireAnswer(plan, answer, { method, ifNoneMatch: head.ifNoneMatch, principal: caller.principal });
    } catch (error) {
      const problem = problemOf(error, plan.declared, traceIdOf(cause.traceparent));
      logProblem(log, problem, error, plan.name, cause.correlationId);
      const about = error instanceof UnprovenCaller ? { [unprovenHeader]: '1' } : {};
      wire = wireProblem(problem, { ...problemHeaders(problem, error), ...about });
    }
    const seconds = (performance.now() - startedMs) / 1000;
    observe?.(plan.name, method, wire.status, seconds);
    if (isSampled(cause.traceparent))
      logExchange(log, context ? 'debug' : 'info', plan, method, wire.status, seconds, cause);
    answerWith(request, response, wire, cause);
  }

  function answerWith(request: MarkedRequest, response: ServerResponse, wire: WireAnswer, cause: Cause): void {
    const requestId = request[contextKey]?.requestId ?? givenRequestId(request.headers) ?? newId();
    // A stream of events never ends by itself; a download may finish.
    const events = wire.headers.includes('text/event-stream') ? wire.stream : undefined;
    if (events !== undefined) eventStreams.add(events);
    if (finishing) events?.destroy();
    if (closing) wire.headers.push('connection', 'close');
    send(response, wire, { requestId, correlationId: cause.correlationId }, () => {
      if (events !== undefined) eventStreams.delete(events);
      drain(request);
      ended(response);
    });
  }

  function ended(response: ServerResponse): void {
    running.delete(response);
    if (isIdle()) whenIdle?.();
  }

  function isIdle(): boolean {
    return running.size === 0 && unsent.size === 0;
  }

  return {
    attach(request, context) {
      (request as MarkedRequest)[contextKey] = context;
    },
    serve(plan, request, response, raw) {
      // Its body came after somebody had been told that it came too late, and is likely to ask again.
      if (response.headersSent) return drain(request);
      running.add(response);
      exchange(plan, request, response, raw).catch((error: unknown) => {
        // The answer itself could not be written (a header with a line break, say): nothing can be told to the caller any more.
        log.error({ err: error, operation: plan.name }, 'an answer could not be sent');
        response.destroy();
        ended(response);
      });
    },
    refuse(request, response, { error, headers }) {
      const cause = (request as MarkedRequest)[contextKey]?.cause ?? readCause(request.headers);
      const problem = problemOf(error, {}, traceIdOf(cause.traceparent));
      answerWith(request, response, wireProblem(problem, headers), cause);
    },
    watch(response) {
      unsent.add(response);
      response.once('close', () => {
        unsent.delete(response);
        if (isIdle()) whenIdle?.();
      });
    },
    retire() {
      closing = true;
    },
    async finish(deadlineMs) {
      closing = true;
      finishing = true;
      for (const stream of eventStreams) stream.destroy();
      if (isIdle()) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(deadlineMs - Date.now(), 0));
        whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}

/**
 * Who asks over a socket: the bearer of a token or nobody in particular, by themselves or through the gateway's process, which every service verifies
 * anew; or a service of ours, perhaps on somebody's behalf.
 */
async function identify(
  request: IncomingMessage,
  { access }: OperationPlan,
  { cause, ownDeadlineMs }: { cause: Cause; ownDeadlineMs: number },
  options: ExchangeOptions,
): Promise<Caller> {
  const { headers } = request;
  // Who signs shows no token of ours; as where the gateway is beside the service, nothing is read into what they show.
  const asking = async (of: Cause) => (access.who === 'signed' ? anonymous : bearer(headers, of, options));
  const service = callerOf(request, options);
  if (service === undefined) {
    return { door: 'socket', principal: await asking(cause), deadlineMs: ownDeadlineMs };
  }
  const behalf = readOnBehalf(headers);
  const deadlineMs = behalf.timeoutMs === undefined ? ownDeadlineMs : Date.now() + behalf.timeoutMs;
  if (isFromOutside(headers)) {
    return { door: 'gateway', principal: await asking(readGivenCause(headers)), deadlineMs };
  }
  return { door: 'service', principal: behalf.principal ?? { kind: 'service', name: service }, deadlineMs };
}

/** The service that calls could not prove itself. Beside the problem, its answer says whose proof was bad. */
class UnprovenCaller extends Error {}

function callerOf(request: IncomingMessage, options: ExchangeOptions): string | undefined {
  try {
    return options.callerOf?.(request);
  } catch (error) {
    throw new UnprovenCaller('the calling service could not prove itself', { cause: error });
  }
}

async function bearer(headers: IncomingHttpHeaders, cause: Cause, options: ExchangeOptions): Promise<Principal> {
  const { authorization } = headers;
  if (authorization === undefined) return anonymous;
  const token = /^Bearer +([^\s,]+)$/i.exec(authorization)?.[1];
  if (token === undefined || options.verifyToken === undefined)
    throw refusal('auth.invalid', 'The token is not valid.');
  return options.verifyToken(token, cause);
}

/**
 * Takes what is left of a body that nobody reads any more from its connection: the next request on it would wait for as long as the connection is kept, and a
 * caller who writes all before he reads would never see his answer.
 */
function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.unpipe();
  request.resume();
  const late = setTimeout(() => request.socket.destroy(), drainMsMax).unref();
  request.once('close', () => clearTimeout(late));
}

function whenGone(response: ServerResponse, gone: () => void): void {
  if (response.destroyed) gone();
  else response.once('close', () => response.writableFinished || gone());
}

/** The id that the gateway's process gave to a request; a caller's own would not be of this form. */
function givenRequestId(headers: IncomingHttpHeaders): string | undefined {
  const given = isFromOutside(headers) ? headers['x-request-id'] : undefined;
  return typeof given === 'string' && /^[0-9a-f-]{36}$/.test(given) ? given : undefined;
}

function flatHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** A line for an answer. The gateway leaves one of its own, so a service beside it tells only those who want to know everything. */
function logExchange(
  log: Logger,
  level: 'debug' | 'info',
  plan: OperationPlan,
  method: string,
  status: number,
  seconds: number,
  cause: Cause,
): void {
  const { correlationId, traceparent } = cause;
  log[level](
    { operation: plan.name, method, status, seconds, correlationId, traceId: traceIdOf(traceparent) },
    'answered',
  );
}
