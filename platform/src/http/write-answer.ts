import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Principal } from '../schema/index.ts';
import type { Answer } from '../service/index.ts';
import { entityTag, isFresh } from './entity-tag.ts';
import type { OperationPlan } from './operation-plan.ts';
import type { Problem } from './problem.ts';

/** Ids that every answer carries back. */
export interface AnswerIds {
  readonly requestId: string;
  readonly correlationId: string;
}

/** An answer as it goes out, the same for every door. `body` is JSON text; undefined for none. */
export interface WireAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: string | undefined;
  readonly stream: Answer['stream'];
}

/** Settles status, headers and text of a good answer. */
export function wireAnswer(
  plan: OperationPlan,
  answer: Answer,
  asked: { method: string; ifNoneMatch: string | undefined; principal: Principal },
): WireAnswer {
  const headers: string[] = [];
  let status = answer.status ?? plan.statusDefault;
  const good = status < 300;
  headers.push('cache-control', good && isPublic(asked.principal) ? plan.cacheControl : 'no-store');
  if (answer.version !== undefined) {
    headers.push('etag', entityTag(answer.version));
    const reads = asked.method === 'GET' || asked.method === 'HEAD';
    if (reads && good && asked.ifNoneMatch !== undefined && isFresh(asked.ifNoneMatch, answer.version)) status = 304;
  }
  for (const name in answer.headers) headers.push(name, answer.headers[name] as string);
  if (status === 304 || status === 204) return { status, headers, body: undefined, stream: undefined };
  if (answer.stream !== undefined) {
    if (answer.headers?.['content-type'] === undefined) {
      headers.push('content-type', plan.operation.streams ?? 'application/octet-stream');
    }
    return { status, headers, body: undefined, stream: answer.stream };
  }
  const body = answer.rawBody ?? (answer.body === undefined ? undefined : JSON.stringify(answer.body));
  if (body !== undefined) headers.push('content-type', status < 400 ? 'application/json' : 'application/problem+json');
  return { status, headers, body, stream: undefined };
}

/** Settles status, headers and text of a problem. */
export function wireProblem(problem: Problem, extra: Readonly<Record<string, string>>): WireAnswer {
  const headers = ['cache-control', 'no-store', 'content-type', 'application/problem+json'];
  for (const name in extra) headers.push(name, extra[name] as string);
  // Its body is too long to be read to its end, so the connection cannot carry another request. One of a wrong type is read past: a connection
  // that closes while a gateway still writes would cost it the answer.
  if (problem.status === 413 || problem.status === 408) headers.push('connection', 'close');
  return { status: problem.status, headers, body: JSON.stringify(problem), stream: undefined };
}

/** Sends it. Calls `done` when the answer has gone out or the caller has gone away. */
export function send(response: ServerResponse, answer: WireAnswer, ids: AnswerIds, done: () => void): void {
  const { status, headers, body, stream } = answer;
  if (response.destroyed || response.headersSent) {
    stream?.destroy();
    done();
    return;
  }
  headers.push('x-request-id', ids.requestId, 'x-correlation-id', ids.correlationId);
  if (stream !== undefined) {
    response.writeHead(status, headers);
    response.flushHeaders();
    if (response.req.method === 'HEAD') {
      stream.destroy();
      response.end(done);
    } else {
      // A pipeline alone listens seven times for the end; with those of a gateway beside it they pass the ten at which Node warns of a leak.
      response.setMaxListeners(20);
      pipeline(stream, response, done);
    }
    return;
  }
  if (body === undefined) {
    if (status !== 204 && status !== 304) headers.push('content-length', '0');
    response.writeHead(status, headers);
    response.end();
  } else {
    headers.push('content-length', String(Buffer.byteLength(body)));
    response.writeHead(status, headers);
    response.end(body);
  }
  done();
}

// What staff see (drafts, numbers) must not reach others through a cache.
function isPublic(principal: Principal): boolean {
  return principal.kind === 'anonymous' || (principal.kind === 'user' && principal.role === 'customer');
}
