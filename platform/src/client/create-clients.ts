import type { Logger } from 'pino';
import { AppError, fault, kitErrors, refusal, type Violation } from '../errors/index.ts';
import { type HostedHttp, type InvokeResult, timeoutMsDefault } from '../http/index.ts';
import type { Cause, Contract, Operation, Principal } from '../schema/index.ts';
import type { Client, ClientOptions } from './client.ts';
import { createRemoteCaller, type RemoteOptions } from './remote.ts';

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
  readonly log?: Logger;
}

/** Makes typed clients of other services, wherever they run. */
export interface Clients {
  client<C extends Contract>(contract: C): Client<C>;
  /** Closes connections to other processes. */
  close(): Promise<void>;
}

/**
 * Clients for one calling service. The door (this process or a socket) is chosen at each call and makes no difference to the caller.
 *
 * @example
 * const clients = createClients({ caller: 'order', local: hosted });
 * const { items } = await clients.client(productContract).getPrices({ body: { skus } }, { cause: call.cause });
 */
export function createClients(options: ClientsOptions): Clients {
  const remote = options.remote && createRemoteCaller(options.remote);
  const self: Principal = { kind: 'service', name: options.caller };

  async function make(contract: Contract, name: string, operation: Operation, call: PlainCall, how: ClientOptions) {
    checkParams(call.params);
    const toMake: CallToMake = {
      params: call.params,
      query: call.query,
      body: call.body,
      principal: how.principal ?? self,
      cause: how.cause,
      deadlineMs: Math.min(
        how.deadlineMs ?? Number.POSITIVE_INFINITY,
        Date.now() + (operation.timeoutMs ?? timeoutMsDefault),
      ),
      idempotencyKey: how.idempotencyKey,
    };
    if (toMake.deadlineMs <= Date.now())
      throw fault('service.deadline-exceeded', `No time was left to call ${contract.service}.`);
    const local = options.local.get(contract.service);
    if (local !== undefined) return outcomeOf(contract, await local.invoke(name, toMake));
    if (remote === undefined) throw fault('service.unavailable', `The service ${contract.service} cannot be found.`);
    return outcomeOf(contract, await remote.call(contract.service, operation, toMake));
  }

  return {
    client<C extends Contract>(contract: C): Client<C> {
      const calls: Record<string, unknown> = {};
      for (const [name, operation] of Object.entries(contract.operations)) {
        calls[name] = (call: PlainCall, how: ClientOptions) => make(contract, name, operation, call, how);
      }
      return calls as Client<C>;
    },
    close: async () => remote?.close(),
  };
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
  throw new AppError(status < 500 ? 'refusal' : 'fault', code, detail, {
    ...(errors === undefined ? {} : { errors }),
    ...(Number.isNaN(retryAfterS) ? {} : { retryAfterS }),
  });
}
