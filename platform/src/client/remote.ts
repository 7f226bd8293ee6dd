import { Agent, request } from 'undici';
import { fault } from '../errors/index.ts';
import { type InvokeResult, queryText, writeOnBehalf } from '../http/index.ts';
import type { Operation } from '../schema/index.ts';
import { childOf } from '../telemetry/index.ts';
import type { CallToMake } from './create-clients.ts';

/** How services in other processes are reached. */
export interface RemoteOptions {
  /** The base URL of a service, like `http://10.0.0.7:4003`; throws AppError `service.unavailable` when there is none. */
  readonly resolve: (service: string) => Promise<string>;
  /** The proof that a service of ours calls, sent as a bearer token. */
  readonly serviceToken: () => Promise<string>;
  /** Connections to one service at the most; 64 unless given. */
  readonly connectionsMax?: number;
}

const answerBytesMax = 16 * 1_048_576;

/** The door over a socket. Answers as `HostedHttp.invoke` does. */
export function createRemoteCaller(options: RemoteOptions) {
  // Idle connections end before the 75 s after which services close theirs.
  const agent = new Agent({ connections: options.connectionsMax ?? 64, keepAliveTimeout: 55_000, pipelining: 1 });
  return {
    async call(service: string, operation: Operation, call: CallToMake): Promise<InvokeResult> {
      const [baseUrl, token] = await Promise.all([options.resolve(service), options.serviceToken()]);
      const leftMs = call.deadlineMs - Date.now();
      const body = call.body === undefined ? undefined : JSON.stringify(call.body);
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(leftMs)));
      try {
        const answer = await request(`${baseUrl}${addressOf(operation, call)}`, {
          dispatcher: agent,
          method: operation.method,
          headers: headersOf(call, token, body !== undefined, leftMs),
          signal,
          ...(body === undefined ? {} : { body }),
        });
        const headers: Record<string, string> = {};
        for (const [name, value] of Object.entries(answer.headers)) headers[name] = String(value);
        if (Number(headers['content-length'] ?? 0) > answerBytesMax) throw new Error('the answer is too large');
        const text = await answer.body.text();
        return { status: answer.statusCode, headers, body: text === '' ? undefined : JSON.parse(text) };
      } catch (error) {
        throw faultOf(service, error, signal.aborted);
      }
    },
    close: () => agent.close(),
  };
}

function addressOf(operation: Operation, call: CallToMake): string {
  const path = operation.path.replace(/:([A-Za-z]+)/g, (_, name: string) =>
    encodeURIComponent(String(call.params?.[name])),
  );
  const query = queryText(call.query);
  return query === '' ? path : `${path}?${query}`;
}

function headersOf(call: CallToMake, token: string, hasBody: boolean, leftMs: number): Record<string, string> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    'x-correlation-id': call.cause.correlationId,
    traceparent: childOf(call.cause.traceparent),
    ...writeOnBehalf(call.principal, leftMs),
  };
  if (hasBody) headers['content-type'] = 'application/json';
  if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
  return headers;
}

function faultOf(service: string, error: unknown, timedOut: boolean) {
  if (timedOut) return fault('service.deadline-exceeded', `${service} took too long.`, { cause: error });
  if (error instanceof SyntaxError)
    return fault('service.bad-gateway', `${service} did not answer in JSON.`, { cause: error });
  return fault('service.unavailable', `${service} cannot be reached.`, { cause: error, retryAfterS: 1 });
}
