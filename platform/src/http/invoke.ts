import type { Logger } from 'pino';
import { fault, refusal } from '../errors/index.ts';
import type { Cause, Principal } from '../schema/index.ts';
import type { Answer, Service } from '../service/index.ts';
import type { Traces } from '../telemetry/index.ts';
import { traceIdOf } from '../telemetry/index.ts';
import { carryOut } from './carry-out.ts';
import { checkAnswer } from './check-answer.ts';
import { parseJsonText } from './json-body.ts';
import type { OperationPlan } from './operation-plan.ts';
import { logProblem, problemHeaders, problemOf } from './problem.ts';
import { type WireAnswer, wireAnswer, wireProblem } from './write-answer.ts';

/** A call from another service in this process. Its parts are copied; no object of the caller's reaches the handler. */
export interface InvokeInput {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  readonly principal: Principal;
  readonly cause: Cause;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly idempotencyKey?: string | undefined;
}

/** What came of it, as over a socket: a status, headers in lower case, and JSON that nobody else holds. */
export interface InvokeResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** The third door: runs one operation without HTTP, with everything that HTTP would do to its input and its answer. */
export async function invokeOperation(
  plan: OperationPlan | undefined,
  name: string,
  input: InvokeInput,
  service: Service,
  options: { log: Logger; checkAnswers?: boolean; traces?: Traces },
): Promise<InvokeResult> {
  try {
    if (plan === undefined) throw refusal('route.not-found', `There is no operation ${name}.`);
    const wire = await answerOf(plan, input, service, options);
    return resultOf(wire);
  } catch (error) {
    const problem = problemOf(error, plan?.declared ?? {}, traceIdOf(input.cause.traceparent));
    logProblem(options.log, problem, error, name, input.cause.correlationId);
    return resultOf(wireProblem(problem, problemHeaders(problem, error)));
  }
}

async function answerOf(
  plan: OperationPlan,
  input: InvokeInput,
  service: Service,
  options: { checkAnswers?: boolean; traces?: Traces },
): Promise<WireAnswer> {
  if (plan.operation.rawBody !== undefined || plan.operation.streams !== undefined) {
    throw fault('internal', `${plan.name} streams, so it can only be called over HTTP`);
  }
  const asked = {
    head: { idempotencyKey: input.idempotencyKey },
    cause: input.cause,
    principal: input.principal,
    deadlineMs: Math.min(input.deadlineMs, Date.now() + plan.timeoutMs),
    headers: () => ({}),
    onGone: () => undefined,
  };
  const text = input.body === undefined ? undefined : JSON.stringify(input.body);
  const body = text === undefined ? undefined : parseJsonText(text);
  const raw = { params: textsOf(input.params), query: queryText(input.query), body };
  const answer: Answer = await carryOut(plan, 'service', asked, raw, service, options.traces);
  if (options.checkAnswers === true) checkAnswer(plan, answer);
  return wireAnswer(plan, answer, {
    method: plan.operation.method,
    ifNoneMatch: undefined,
    principal: input.principal,
  });
}

function resultOf(wire: WireAnswer): InvokeResult {
  const headers: Record<string, string> = {};
  for (let at = 0; at < wire.headers.length; at += 2)
    headers[wire.headers[at] as string] = wire.headers[at + 1] as string;
  return { status: wire.status, headers, body: wire.body === undefined ? undefined : JSON.parse(wire.body) };
}

function textsOf(values: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

/** A query as it would stand in a URL; lists repeat their name, undefined is left out. */
export function queryText(query: Readonly<Record<string, unknown>> = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) pairs.append(name, String(one));
  }
  return pairs.toString();
}
