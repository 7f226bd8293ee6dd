import type { Logger } from 'pino';
import { AppError, fault, kitErrors, refusal, type Violation } from '../errors/index.ts';
import { type HostedHttp, type InvokeResult, timeoutMsDefault } from '../http/index.ts';
import { type Attempt, createPolicies, notBegun, type OperationPolicy, type Policies } from '../resilience/index.ts';
import type { Cause, Contract, Operation, Principal } from '../schema/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import type { Client, ClientOptions } from './client.ts';
import { createStandIn } from './fallback.ts';
import { createRemoteCaller, notBegunHeader, type RemoteOptions, type Route } from './remote.ts';

/** A call as a door takes it. */
export interface CallToMake {
  readonly params: Readonly<Record<string, unknown>> | undefined;
  readonly query: Readonly<Record<string, unknown>> | undefined;
  readonly body: unknown;
  readonly principal: Principal;
  readonly cause: Cause;
  readonly deadlineMs: number;
  readonly idempotencyKey: string | undefined;
}

export interface ClientsOptions {
  /** The service that calls: its name is the default principal. */
  readonly caller: string;
  /** Services hosted in this process. Read at every call, so it may be filled while services start. */
  readonly local: ReadonlyMap<string, HostedHttp>;
  /** How services elsewhere are found and told who calls; without it only local ones can be called. */
  readonly remote?: RemoteOptions;
  /** How calls are guarded; shared by all clients of a process. Own ones unless given. */
  readonly policies?: Policies;
  readonly log?: Logger;
  readonly metrics?: Metrics;
}

/** Makes typed clients of other services, wherever they run. */
export interface Clients {
  client<C extends Contract>(contract: C): Client<C>;
  /** Closes connections to other processes. */
  close(): Promise<void>;
}

/**
 * Clients for one calling service. The door (this process or a socket) is chosen at each try and makes no difference to the caller:
 * the operation's policy guards both.
 *
 * @example
 * const clients = createClients({ caller: 'order', local: hosted });
 * const { items } = await clients.client(productContract).getPrices({ body: { skus } }, { cause: call.cause, deadlineMs: call.deadlineMs });
 */
export function createClients(options: ClientsOptions): Clients {
  const { caller, local } = options;
  const policies = options.policies ?? createPolicies(options);
  const remote = options.remote && createRemoteCaller({ ...options.remote, caller, log: options.log });
  const self: Principal = { kind: 'service', name: caller };

  function callOf(contract: Contract, name: string, operation: Operation) {
    const { service } = contract;
    const timeoutMs = operation.timeoutMs ?? timeoutMsDefault;
    const standIn = operation.fallback && createStandIn(operation.fallback);
    let policy: OperationPolicy | undefined;

    /** One try, through whichever door there is now. */
    async function attemptCall(call: CallToMake, attempt: Attempt, route: Route): Promise<unknown> {
      const door = local.get(service);
      if (door !== undefined) return outcomeOf(contract, await door.invoke(name, call));
      if (remote === undefined) throw notFound(service);
      return outcomeOf(contract, await remote.call(service, operation, call, attempt, route));
    }

    return async ({ params, query, body }: PlainCall, how: ClientOptions): Promise<unknown> => {
      checkParams(params);
      const nowMs = Date.now();
      const deadlineMs = Math.min(how.deadlineMs, nowMs + timeoutMs);
      if (deadlineMs <= nowMs) throw fault('service.deadline-exceeded', `No time was left to call ${service}.`);
      const { cause, idempotencyKey, principal = self, onPartial, at } = how;
      if (remote === undefined && !local.has(service)) throw notFound(service);
      policy ??= policies.of(service, name, operation);
      const guard = policy;
      const idempotent = isRepeatable(operation, idempotencyKey);
      const route: Route = at === undefined ? {} : { only: at };
      const ask = () =>
        guard.run(
          (attempt) => {
            const call = { params, query, body, principal, cause, deadlineMs: attempt.deadlineMs, idempotencyKey };
            return attemptCall(call, attempt, route);
          },
          { deadlineMs, idempotent },
        );
      if (standIn === undefined || onPartial === undefined) return ask();
      return standIn.ask([params, query, body, principal], ask, () => {
        policies.fellBack(service, name);
        onPartial(service);
      });
    };
  }

  return {
    client<C extends Contract>(contract: C): Client<C> {
      const calls: Record<string, unknown> = {};
      for (const [name, operation] of Object.entries(contract.operations)) {
        calls[name] = callOf(contract, name, operation);
      }
      return calls as Client<C>;
    },
    close: async () => remote?.close(),
  };
}

const notFound = (service: string) => fault('service.unavailable', `The service ${service} cannot be found.`);

/** Whether a call may be carried out twice: it only reads, it says so, or its key sees to it. */
function isRepeatable({ method, repeatable, idempotency }: Operation, idempotencyKey: string | undefined): boolean {
  return method === 'GET' || repeatable === true || (idempotency !== undefined && idempotencyKey !== undefined);
}

type PlainCall = Partial<Pick<CallToMake, 'params' | 'query' | 'body'>>;

// An empty or dotted path segment would be another address once it stands in a URL.
function checkParams(params: PlainCall['params']): void {
  const errors: Violation[] = [];
  for (const [name, value] of Object.entries(params ?? {})) {
    const text = String(value);
    if (text === '' || text === '.' || text === '..')
      errors.push({ path: `/params/${name}`, message: 'cannot stand in a path' });
  }
  if (errors.length > 0) throw refusal('request.invalid', 'A path parameter cannot stand in a path.', { errors });
}

/** The body of a good answer; otherwise throws the error that the service gave, made anew on this side. */
function outcomeOf(contract: Contract, { status, headers, body }: InvokeResult): unknown {
  if (status < 400) return body;
  const { code, detail, errors } = (body ?? {}) as { code?: unknown; detail?: unknown; errors?: readonly Violation[] };
  if (typeof code !== 'string' || typeof detail !== 'string') {
    throw fault('service.bad-gateway', `${contract.service} answered ${status} without saying why.`);
  }
  const known = Object.hasOwn(contract.errors, code) || Object.hasOwn(kitErrors, code);
  if (!known) throw fault('service.bad-gateway', `${contract.service} answered with the undeclared code ${code}.`);
  const retryAfterS = Number(headers['retry-after'] ?? Number.NaN);
  const error = new AppError(status < 500 ? 'refusal' : 'fault', code, detail, {
    ...(errors === undefined ? {} : { errors }),
    ...(Number.isNaN(retryAfterS) ? {} : { retryAfterS }),
  });
  throw status === 503 && headers[notBegunHeader] !== undefined ? notBegun(error) : error;
}
