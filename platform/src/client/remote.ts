import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Agent } from 'undici';
import type { Discovery, Endpoint, Outcome } from '../discovery/index.ts';
import { fault, isCertificateCode } from '../errors/index.ts';
import { type InvokeResult, queryText, unprovenHeader, writeOnBehalf } from '../http/index.ts';
import { type Attempt, notBegun } from '../resilience/index.ts';
import type { Operation } from '../schema/index.ts';
import type { Trust } from '../trust/index.ts';
import type { CallToMake } from './create-clients.ts';
import { type RawAnswer, SendFailure, sendRequest, TooLarge } from './send-request.ts';

/** How services in other processes are reached. */
export interface RemoteOptions {
  readonly discovery: Discovery;
  readonly trust: Trust;
  /** Connections to one replica at the most; 64 unless given. */
  readonly connectionsMax?: number;
}

/** Tries of one call, which go to different replicas where there are several. */
export interface Route {
  /** The base URL of the replica that had the last try. */
  avoid?: string;
  /** The base URL of the only replica that will do. */
  readonly only?: string;
}

/** On an answer 503: the service is going away and has done nothing, so the call may be sent to another replica whatever it asks for. */
export const notBegunHeader = 'x-stoa-not-begun';

const answerBytesMax = 16 * 1_048_576;
const connectMsMax = 2_000;
const closeMsMax = 1_000;
// Services close idle connections after 75 s and say so; a call must not meet one that is just being closed.
const idleMsMax = 55_000;
/** A try that had less than this says nothing about the replica when it runs out of time. */
const fairMs = 1_000;
const tellEveryMs = 60_000;

/** The door over a socket. Answers as `HostedHttp.invoke` does. */
export function createRemoteCaller({
  discovery,
  trust,
  connectionsMax = 64,
  caller,
  log,
}: RemoteOptions & { caller: string; log?: Logger | undefined }) {
  const agents = new Map<string, Agent>();
  const toldAtMs = new Map<string, number>();

  return {
    async call(
      service: string,
      operation: Operation,
      call: CallToMake,
      { signal, deadlineMs }: Attempt,
      route: Route,
    ): Promise<InvokeResult> {
      const endpoint = acquire(service, route);
      const leftMs = deadlineMs - Date.now();
      route.avoid = endpoint.url;
      let outcome: Outcome = 'failed';
      try {
        const body = call.body === undefined ? undefined : JSON.stringify(call.body);
        const answer = await sendRequest(agentOf(service), {
          origin: endpoint.url,
          path: addressOf(operation, call),
          method: operation.method,
          headers: headersOf(call, body !== undefined, leftMs),
          body,
          signal,
          answerBytesMax,
        });
        if (answer.headers[unprovenHeader] !== undefined) {
          tellDistrust(service, endpoint.url, `it answers ${answer.status}`);
          throw notBelieved(service);
        }
        const result = { status: answer.status, headers: answer.headers, body: bodyOf(service, answer) };
        // A service that says what is wrong is there: one broken operation must not drive calls away from all its others.
        if (answer.headers[notBegunHeader] === undefined) outcome = 'ok';
        return result;
      } catch (error) {
        if (signal.aborted && leftMs < fairMs) outcome = 'unknown';
        if (!(error instanceof SendFailure)) throw error;
        const { code } = error.cause as { code?: unknown };
        if (isCertificateCode(code)) tellDistrust(service, endpoint.url, String(code));
        throw faultOf(service, error, signal.aborted);
      } finally {
        endpoint.done(outcome);
      }
    },
    async close() {
      await Promise.all([...agents.values()].map(closeSoon));
    },
  };

  /** Once a minute: calls fail until somebody has put it right, and their callers are told nothing of it. */
  function tellDistrust(service: string, url: string, reason: string): void {
    const nowMs = performance.now();
    if (nowMs - (toldAtMs.get(service) ?? Number.NEGATIVE_INFINITY) < tellEveryMs) return;
    toldAtMs.set(service, nowMs);
    log?.warn(
      { caller, callee: service, url, reason },
      'a service and this process do not accept each other: compare STOA_SERVICE_SECRET or the certificates of both, and their clocks',
    );
  }

  /** Connections to the replicas of one service, each of which has to prove that it is that service. */
  function agentOf(service: string): Agent {
    let agent = agents.get(service);
    if (agent === undefined) {
      const connect = trust.connectFor(service);
      agent = new Agent({
        connections: connectionsMax,
        pipelining: 1,
        keepAliveTimeout: idleMsMax,
        // What the other side proposes is taken up to this.
        keepAliveMaxTimeout: idleMsMax,
        connectTimeout: connectMsMax,
        ...(connect !== undefined && { connect }),
      });
      agents.set(service, agent);
    }
    return agent;
  }

  function acquire(service: string, { avoid, only }: Route): Endpoint {
    if (only !== undefined) return { url: only, done: () => undefined };
    try {
      return discovery.acquire(service, avoid);
    } catch (error) {
      throw error instanceof Error ? notBegun(error) : error;
    }
  }

  function headersOf(call: CallToMake, hasBody: boolean, leftMs: number): Record<string, string> {
    const { principal, cause, idempotencyKey } = call;
    // Without a principal the callee takes the caller itself, which is proven anyway.
    const isSelf = principal.kind === 'service' && principal.name === caller;
    const headers: Record<string, string> = {
      ...trust.proof(caller),
      'x-correlation-id': cause.correlationId,
      ...writeOnBehalf(isSelf ? undefined : principal, leftMs),
    };
    if (cause.traceparent !== undefined) headers.traceparent = cause.traceparent;
    if (hasBody) headers['content-type'] = 'application/json';
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    return headers;
  }
}

function addressOf(operation: Operation, call: CallToMake): string {
  const path = operation.path.replace(/:([A-Za-z]+)/g, (_, name: string) =>
    encodeURIComponent(String(call.params?.[name])),
  );
  const query = queryText(call.query);
  return query === '' ? path : `${path}?${query}`;
}

function bodyOf(service: string, { text }: RawAnswer): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault('service.bad-gateway', `${service} did not answer in JSON.`, { cause: error });
  }
}

/** Nothing was begun, and another replica may believe us. */
function notBelieved(service: string) {
  const cause = new Error('compare the clocks of both machines, and STOA_SERVICE_SECRET or the certificates of both');
  return notBegun(fault('service.bad-gateway', `${service} does not believe who calls.`, { cause }));
}

function faultOf(service: string, { isBegun, cause }: SendFailure, isLate: boolean) {
  if (isLate) return fault('service.deadline-exceeded', `${service} took too long.`, { cause });
  if (cause instanceof TooLarge) {
    return fault('service.bad-gateway', `${service} answered with more than ${answerBytesMax} bytes.`, { cause });
  }
  if (isBegun) return fault('service.unavailable', `${service} went away before it answered.`, { cause });
  return notBegun(fault('service.unavailable', `${service} cannot be reached.`, { cause, retryAfterS: 1 }));
}

/** Waits a moment for what is on its way, which nobody waits for any more. */
async function closeSoon(agent: Agent): Promise<void> {
  const closing = agent.close();
  const isClosed = await Promise.race([closing.then(() => true), sleep(closeMsMax, false, { ref: false })]);
  if (!isClosed) await agent.destroy();
}
