import { assert } from '../errors/index.ts';
import { type Access, type Operation, type TSchema, type Validator, validatorOf } from '../schema/index.ts';
import type { Answer, Call, Service, ServiceDefinition } from '../service/index.ts';
import type { ErrorDeclarations } from './problem.ts';

/** Milliseconds a caller gives an operation that says nothing about it. */
export const timeoutMsDefault = 10_000;
/** Longest path parameter that is routed: what a request line can hold. Which ones are good, schemas say. */
export const paramLengthMax = 16_384;
/** Bytes of a body where the operation says nothing about it: 1 MiB. */
export const bodyBytesMaxDefault = 1_048_576;

export type AnyHandler = (call: Call, service: Service) => Promise<Answer>;

/** One operation with everything about it that can be worked out before the first request. */
export interface OperationPlan {
  readonly name: string;
  readonly operation: Operation;
  readonly handler: AnyHandler;
  readonly access: Access;
  readonly declared: ErrorDeclarations;
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly hasParams: boolean;
  readonly params: Validator<unknown>;
  readonly query: Validator<unknown>;
  /** Query parameters that may be repeated. */
  readonly queryLists: ReadonlySet<string>;
  readonly body: Validator<unknown> | undefined;
  /** No field of the body is required, so a request without one means the empty object. */
  readonly bodyMayBeMissing: boolean;
  readonly statusDefault: number;
  /** `no-store`, or what anonymous callers and customers get on operations that may be cached. */
  readonly cacheControl: string;
}

/** Plans every operation of a service; refuses operations without a handler and handlers without an operation. */
export function planOperations(definition: ServiceDefinition<never>): OperationPlan[] {
  const { contract } = definition;
  const handlers = (definition.routes ?? {}) as unknown as Readonly<Record<string, AnyHandler>>;
  for (const name of Object.keys(handlers)) {
    assert(
      Object.hasOwn(contract.operations, name),
      `${definition.name} has a handler for ${name}, which its contract lacks`,
    );
  }
  return Object.entries(contract.operations).map(([name, operation]) => {
    const handler = handlers[name];
    assert(handler !== undefined, `${definition.name} has no handler for ${name}`);
    return planOperation(name, operation, handler, contract.errors);
  });
}

function planOperation(
  name: string,
  operation: Operation,
  handler: AnyHandler,
  declared: ErrorDeclarations,
): OperationPlan {
  const body = operation.body === undefined ? undefined : validatorOf(operation.body);
  return {
    name,
    operation,
    handler,
    access: operation.access,
    declared,
    timeoutMs: operation.timeoutMs ?? timeoutMsDefault,
    bodyBytesMax: operation.bodyBytesMax ?? bodyBytesMaxDefault,
    hasParams: operation.path.includes(':'),
    params: validatorOf(operation.params),
    query: validatorOf(operation.query),
    queryLists: listsOf(operation.query),
    body,
    bodyMayBeMissing: body?.check({}) === true,
    statusDefault: operation.statuses[0] ?? 200,
    // Caches of ours keep it for the seconds given; browsers ask again every time, so that a change shows within those seconds.
    cacheControl:
      operation.publicCacheS === undefined
        ? 'no-store'
        : `public, max-age=0, s-maxage=${operation.publicCacheS}, must-revalidate`,
  };
}

function listsOf(schema: TSchema): Set<string> {
  const properties = (schema as { properties?: Record<string, { type?: string }> }).properties ?? {};
  return new Set(Object.keys(properties).filter((name) => properties[name]?.type === 'array'));
}
