import type { IncomingMessage, ServerResponse } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { type AppError, findAppError, refusal } from '../errors/index.ts';
import type { Cause, Principal } from '../schema/index.ts';
import type { RequestContext, Service, ServiceDefinition } from '../service/index.ts';
import type { Traces } from '../telemetry/index.ts';
import type { ServerSide } from '../trust/index.ts';
import { limitedStream, takeJson, takeStreams, tooLarge, unsupported } from './body-parsers.ts';
import { UnreadableBody } from './carry-out.ts';
import { createExchanges, type ObserveRequest } from './exchange.ts';
import { type InvokeInput, type InvokeResult, invokeOperation } from './invoke.ts';
import { type ListeningServer, openServer } from './open-server.ts';
import { type OperationPlan, paramLengthMax, planOperations } from './operation-plan.ts';

export interface HostHttpOptions {
  readonly log: Logger;
  /** The principal of a bearer token that came in over a socket; throws AppError `auth.invalid`. Without it every token is refused. */
  readonly verifyToken?: (token: string, cause: Cause) => Promise<Principal>;
  /** Which service of ours sends a request that came in over a socket; undefined when none says so. Throws AppError `auth.invalid` for a false proof. */
  readonly callerOf?: (request: IncomingMessage) => string | undefined;
  /** Hears of every request that was answered. */
  readonly observe?: ObserveRequest;
  /** Checks good answers against the contract and fails those that differ; for tests and development. */
  readonly checkAnswers?: boolean;
  /** Where spans go; none are made without it. */
  readonly traces?: Traces;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Makes the socket one of TLS; new options follow when certificates are renewed. */
  readonly tls?: ServerSide | undefined;
  /** Sees each request first; true when it has answered it (health probes). */
  readonly first?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A service's operations, reachable through three doors that do the same. */
export interface HostedHttp {
  /** For the gateway beside it: handles a raw request without a socket of its own. `request.url` is the normalised path and query. */
  handle(request: IncomingMessage, response: ServerResponse, context: RequestContext): void;
  /** For clients in this process: runs one operation with JSON copies of what goes in and comes out. Never rejects. */
  invoke(operationName: string, input: InvokeInput): Promise<InvokeResult>;
  /** For services in processes of their own. Port 0 takes a free one. */
  listen(options: ListenOptions): Promise<{ url: string }>;
  /** From now on every answer asks its caller to use another connection. New ones are still taken: `close` ends that. */
  retire(): void;
  /** Stops accepting, ends streams of events, lets running requests finish until `deadlineMs` (since the epoch), then closes. */
  close(deadlineMs: number): Promise<void>;
}

/** Hosts the operations of a service over HTTP. Refuses a service whose handlers are not those of its contract. */
export async function hostHttp<D>(
  definition: ServiceDefinition<D>,
  service: Service<D>,
  options: HostHttpOptions,
): Promise<HostedHttp> {
  const plans = planOperations(definition as unknown as ServiceDefinition<never>);
  const exchanges = createExchanges(service as Service, options);
  const app = createApp((error, request, response) => exchanges.refuse(request, response, { error, headers: {} }));
  await app.register(async (json) => {
    takeJson(json);
    for (const plan of plans) if (plan.operation.rawBody === undefined) addRoute(json, plan);
  });
  await app.register(async (streams) => {
    takeStreams(streams);
    for (const plan of plans) if (plan.operation.rawBody !== undefined) addRoute(streams, plan);
  });
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    exchanges.refuse(request.raw, reply.raw, nothingHere(plans, request.raw));
  });
  await app.ready();

  function addRoute(target: FastifyInstance, plan: OperationPlan): void {
    const { method, path } = plan.operation;
    target.route({
      method: method === 'GET' ? ['GET', 'HEAD'] : method,
      url: path,
      bodyLimit: plan.bodyBytesMax,
      handler: (request, reply) => receive(plan, request, reply, request.body),
      errorHandler: (error, request, reply) => receive(plan, request, reply, new UnreadableBody(fromFastify(error))),
    });
  }

  function receive(plan: OperationPlan, request: FastifyRequest, reply: FastifyReply, body: unknown): void {
    reply.hijack();
    exchanges.serve(plan, request.raw, reply.raw, {
      params: request.params as Record<string, unknown>,
      query: request.query as string,
      body,
      openStream:
        plan.operation.rawBody && (() => limitedStream(request.raw, plan.operation.rawBody ?? [], plan.bodyBytesMax)),
    });
  }

  let server: ListeningServer | undefined;
  const plansByName = new Map(plans.map((plan) => [plan.name, plan]));
  return {
    handle(request, response, context) {
      exchanges.attach(request, context);
      app.routing(request, response);
    },
    invoke: (name, input) => invokeOperation(plansByName.get(name), name, input, service as Service, options),
    async listen({ first, ...socket }) {
      server = await openServer({ ...socket, log: options.log }, (request, response) => {
        if (first?.(request, response)) return;
        exchanges.watch(response);
        app.routing(request, response);
      });
      return { url: server.url };
    },
    retire: () => exchanges.retire(),
    async close(deadlineMs) {
      const closed = Promise.all([app.close(), server?.close()]);
      await exchanges.finish(deadlineMs);
      server?.closeAllConnections();
      await closed;
    },
  };
}

function createApp(
  refuse: (error: AppError, request: IncomingMessage, response: ServerResponse) => void,
): FastifyInstance {
  return Fastify({
    logger: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: {
      maxParamLength: paramLengthMax,
      // Query strings are read where their schema is known.
      querystringParser: (text) => text as unknown as Record<string, unknown>,
    },
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      refuse(fromFastify(error), request.raw, reply.raw);
    },
  }) as unknown as FastifyInstance;
}

/** 405 where another method would do, else 404. */
function nothingHere(plans: readonly OperationPlan[], request: IncomingMessage) {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const methods = new Set<string>();
  for (const { operation } of plans) {
    if (operation.access.who === 'internal' || !pathPattern(operation.path).test(path)) continue;
    methods.add(operation.method);
    if (operation.method === 'GET') methods.add('HEAD');
  }
  if (methods.size === 0)
    return { error: refusal('route.not-found', 'There is nothing at this address.'), headers: {} };
  const allow = [...methods].join(', ');
  const error = refusal('request.method-not-allowed', `Here one can ${allow}.`);
  return { error, headers: { allow } };
}

function pathPattern(path: string): RegExp {
  const escaped = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:[A-Za-z]+/g, '[^/]+')}$`);
}

function fromFastify(error: unknown): AppError {
  const known = findAppError(error);
  if (known) return known;
  const { statusCode } = error as { statusCode?: number };
  if (statusCode === 413) return tooLarge();
  if (statusCode === 415) return unsupported('The content type cannot be read.');
  return refusal('request.invalid', 'The request cannot be read.', { cause: error });
}
