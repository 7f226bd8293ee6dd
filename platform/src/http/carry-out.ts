import type { Readable } from 'node:stream';
import { type AppError, fault, refusal, type Violation } from '../errors/index.ts';
import { coerceTexts } from '../schema/index.ts';
import type { Answer, Service } from '../service/index.ts';
import type { Traces } from '../telemetry/index.ts';
import { isSampled } from '../telemetry/index.ts';
import { authorise, type Door } from './authorise.ts';
import { type Asked, IncomingCall } from './incoming-call.ts';
import type { OperationPlan } from './operation-plan.ts';
import { readQuery } from './query-text.ts';

/** What goes into an operation, as texts and parsed JSON. */
export interface RawInput {
  readonly params: Readonly<Record<string, unknown>>;
  /** Undecoded, without the question mark. */
  readonly query: string;
  /** Parsed JSON, undefined for none, or the reason why it could not be read: told only to those who may call at all. */
  readonly body: unknown;
  /** Opens the body of an operation that takes it as a stream; throws AppError for a type or length that it does not take. */
  readonly openStream?: (() => Readable) | undefined;
}

/** A body that could not be read, in the place of one. */
export class UnreadableBody {
  readonly reason: AppError;
  constructor(reason: AppError) {
    this.reason = reason;
  }
}

/**
 * Carries out one operation, the same for every door: who may, what shape, then the handler within its deadline.
 *
 * @throws AppError, or whatever the handler threw
 */
export function carryOut(
  plan: OperationPlan,
  door: Door,
  asked: Asked,
  raw: RawInput,
  service: Service,
  traces: Traces | undefined,
): Promise<Answer> {
  if (traces === undefined || !isSampled(asked.cause.traceparent)) return carryOutNow(plan, door, asked, raw, service);
  const attributes = { service: service.name, operation: plan.name, door };
  const name = `${plan.operation.method} ${plan.operation.path}`;
  return traces.span(name, asked.cause, attributes, (cause) =>
    carryOutNow(plan, door, { ...asked, cause }, raw, service),
  );
}

async function carryOutNow(
  plan: OperationPlan,
  door: Door,
  asked: Asked,
  raw: RawInput,
  service: Service,
): Promise<Answer> {
  const { head, principal } = asked;
  const hasOrderToken = head.orderToken !== undefined;
  authorise(plan.access, { door, principal, hasOrderToken, hasCartToken: head.cartToken !== undefined });
  if (raw.body instanceof UnreadableBody) throw raw.body.reason;
  const input = checkInput(plan, raw);
  if (plan.operation.idempotency !== undefined) checkKey(plan, head.idempotencyKey);
  const call = new IncomingCall(plan.operation, asked, input, raw.openStream?.());
  return withinDeadline(plan.handler(call, service), call, plan);
}

const emptyInput = Object.freeze({});

/** Everything in its declared shape; every violation in one refusal. */
function checkInput(plan: OperationPlan, raw: RawInput): { params: unknown; query: unknown; body: unknown } {
  const violations: Violation[] = [];
  let params: unknown = emptyInput;
  if (plan.hasParams) {
    params = coerceTexts(plan.operation.params, raw.params);
    for (const [name, text] of Object.entries(raw.params)) {
      // `/products/` is not an address of a product.
      if (text === '') throw refusal('route.not-found', 'There is nothing at this address.');
      if (typeof text === 'string' && text.includes('\0'))
        violations.push({ path: `/params/${name}`, message: 'contains NUL' });
    }
    if (!plan.params.check(params)) violations.push(...plan.params.violations(params, '/params'));
  }
  let query: unknown = emptyInput;
  if (raw.query !== '') {
    const read = readQuery(raw.query, plan.queryLists);
    violations.push(...read.problems);
    query = coerceTexts(plan.operation.query, read.values);
  }
  if (!plan.query.check(query)) violations.push(...plan.query.violations(query, '/query'));
  const body = raw.body === undefined && plan.bodyMayBeMissing ? {} : raw.body;
  violations.push(...bodyViolations(plan, body));
  if (violations.length === 0) return { params, query, body };
  throw refusal('request.invalid', 'The request does not have the shape this operation takes.', { errors: violations });
}

const noViolations: readonly Violation[] = [];

function bodyViolations(plan: OperationPlan, body: unknown): readonly Violation[] {
  if (plan.body !== undefined) {
    if (plan.body.check(body)) return noViolations;
    return body === undefined ? [{ path: '', message: 'a body is required' }] : plan.body.violations(body);
  }
  if (body === undefined || isEmptyObject(body)) return noViolations;
  return [{ path: '', message: 'this operation takes no body' }];
}

// Many clients send `{}` with every POST.
function isEmptyObject(body: unknown): boolean {
  return typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
}

function checkKey(plan: OperationPlan, key: string | undefined): void {
  if (key === undefined) {
    if (plan.operation.idempotency !== 'required') return;
    throw refusal(
      'idempotency.key-required',
      'Send an Idempotency-Key: a text of your own, new for every new request.',
    );
  }
  // Two headers come as one, joined by a comma and a blank.
  if (/^[\x20-\x7e]{1,255}$/.test(key) && !key.includes(', ')) return;
  throw refusal('request.invalid', 'The Idempotency-Key must be one text of 1 to 255 ASCII characters without ", ".', {
    errors: [
      { path: '/headers/idempotency-key', message: 'must be one text of 1 to 255 ASCII characters without ", "' },
    ],
  });
}

/** The handler's answer, or `service.deadline-exceeded` once nobody waits any more. The handler then runs on and its result is dropped. */
function withinDeadline(answer: Promise<Answer>, call: IncomingCall, plan: OperationPlan): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        call.giveUp();
        reject(fault('service.deadline-exceeded', `${plan.operation.method} ${plan.operation.path} took too long.`));
      },
      Math.max(call.deadlineMs - Date.now(), 0),
    );
    answer.then(
      (good) => {
        clearTimeout(timer);
        if (late) good.stream?.destroy();
        resolve(good);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
