import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { userContract } from '@stoa/contracts/user';
import {
  createCallers,
  generateSigningKey,
  hashSecret,
  type Role,
  SigningKeys,
  signAccessToken,
} from '@stoa/platform/auth';
import { createClients } from '@stoa/platform/client';
import { refusal } from '@stoa/platform/errors';
import { type HostedHttp, hostHttp } from '@stoa/platform/http';
import {
  anonymous,
  anyone,
  caller,
  contract,
  internal,
  type Message,
  nobodyWaits,
  operation,
  strict,
  Type,
} from '@stoa/platform/schema';
import type {
  Edge,
  EdgeHost,
  HealthReport,
  LocalTarget,
  RequestContext,
  Service,
  ServiceDefinition,
} from '@stoa/platform/service';
import { systemClock } from '@stoa/platform/time';
import type { Trust } from '@stoa/platform/trust';
import { pino } from 'pino';
import { startEdge } from '../edge.ts';
import { httpReplica, listedReplicas, type Told } from './replicas.ts';

/** What a target was handed, as it saw it. */
export interface Handed {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly rawHeaders: readonly string[];
  readonly context: RequestContext;
}

/** How a remote witness is found, and known. */
export type Found = Required<Pick<EdgeHost, 'discovery' | 'trust'>>;

/** What the witness service does with a request; by default it answers `{ ok: true }`. */
export type Behave = (request: IncomingMessage, response: ServerResponse, context: RequestContext) => void;

export interface TestGateway {
  readonly edge: Edge;
  readonly port: number;
  readonly handed: Handed[];
  /** What discovery was told of requests to replicas. */
  readonly told: Told[];
  behave: Behave;
  health: HealthReport[];
  readonly ended: {
    users: { userId: string; tokensValidFrom: string }[];
    sessions: { sessionId: string; endedAt: string }[];
  };
  readonly apiKeys: Map<string, { id: string; name: string; role: Role }>;
  readonly keyQuestions: () => number;
  emit(type: string, payload: unknown): void;
  token(role: Role, userId?: string, sessionId?: string): Promise<string>;
  /** Hosts a service's operations for the gateway's clients: `{ listOrders: async (call) => ({ body }) }`. */
  offer(service: string, operations: Record<string, unknown>, handlers: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
}

const changed = 'witness.changed.v1';
const testAsker = { cause: { correlationId: 'test' }, deadlineMs: nobodyWaits };

/** A service that notes what it is handed: one operation of each kind that the gateway treats in its own way. */
export const witnessContract = contract({
  service: 'witness',
  operations: {
    read: operation({
      method: 'GET',
      path: '/api/v1/things/:id',
      summary: 'Read',
      access: anyone,
      params: { id: Type.String() },
      answer: strict({}),
    }),
    mine: operation({ method: 'GET', path: '/api/v1/mine', summary: 'Mine', access: caller, answer: strict({}) }),
    list: operation({
      method: 'GET',
      path: '/api/v1/public',
      summary: 'Public',
      access: anyone,
      answer: strict({}),
      publicCacheS: 60,
    }),
    write: operation({
      method: 'POST',
      path: '/api/v1/things',
      summary: 'Write',
      access: anyone,
      body: strict({}),
      answer: strict({}),
      bodyBytesMax: 2_000,
    }),
    watch: operation({
      method: 'GET',
      path: '/api/v1/watch',
      summary: 'Watch',
      access: anyone,
      streams: 'text/event-stream',
    }),
    fill: operation({
      method: 'POST',
      path: '/api/v1/fill',
      summary: 'Fill',
      access: anyone,
      rawBody: ['text/csv'],
      streams: 'text/plain',
    }),
    quick: operation({
      method: 'GET',
      path: '/api/v1/quick',
      summary: 'Has little time',
      access: anyone,
      answer: strict({}),
      timeoutMs: 200,
    }),
    quickWrite: operation({
      method: 'POST',
      path: '/api/v1/quick',
      summary: 'Has little time for a body',
      access: anyone,
      body: strict({}),
      answer: strict({}),
      timeoutMs: 600,
    }),
    order: operation({
      method: 'POST',
      path: '/api/v1/orders-of-things',
      summary: 'Honours an Idempotency-Key',
      access: anyone,
      body: strict({}),
      answer: strict({}),
      idempotency: 'accepted',
    }),
    logIn: operation({
      method: 'POST',
      path: '/api/v1/auth/login',
      summary: 'Log in',
      access: anyone,
      body: strict({}),
      answer: strict({}),
    }),
    hook: operation({
      method: 'POST',
      path: '/api/v1/webhooks/x',
      summary: 'Hook',
      access: { who: 'signed' },
      body: strict({}),
    }),
    secret: operation({
      method: 'GET',
      path: '/internal/witness/secret',
      summary: 'Inside only',
      access: internal,
      answer: strict({}),
    }),
  },
  events: { changed: { kind: 'event', type: changed, payload: Type.Unknown() } },
  commands: {},
  errors: { 'thing.odd': { status: 418, title: 'The thing is odd <here>' } },
});

/** Starts a gateway on a free port, in front of a witness and of user operations that behave as the user service's do. */
export async function startTestGateway(
  environment: Record<string, string> = {},
  /** `remote`: the witness lives behind a socket; a list of addresses: it is whatever listens there; or where discovery finds it. */
  witnessed: 'local' | 'remote' | readonly string[] | Found = 'local',
  shared: Pick<EdgeHost, 'hints' | 'policies'> = {},
): Promise<TestGateway> {
  const listeners = new Map<string, ((message: Message) => void)[]>();
  const doors = new Map<string, HostedHttp>();
  const log = pino({ level: 'silent' });
  const keys = await SigningKeys.open([await generateSigningKey({ clock: systemClock, activeInS: 0 })]);
  let asked = 0;
  const test: Omit<TestGateway, 'edge' | 'port' | 'close'> = {
    handed: [],
    told: [],
    behave: answerOk,
    health: [{ name: 'witness', state: 'up', latencyMs: 1 }],
    ended: { users: [], sessions: [] },
    apiKeys: new Map(),
    keyQuestions: () => asked,
    emit(type, payload) {
      for (const hear of listeners.get(type) ?? []) hear({ type, payload } as Message);
    },
    token: (role, userId = crypto.randomUUID(), sessionId = crypto.randomUUID()) =>
      signAccessToken(keys, { userId, role, sessionId }, { clock: systemClock }),
    async offer(service, operations, routes) {
      const offered = { service, operations, events: {}, commands: {}, errors: offeredErrors };
      const definition = { name: service, contract: offered, routes } as unknown as ServiceDefinition;
      doors.set(service, await hostHttp(definition, { name: service, log } as unknown as Service, { log }));
    },
  };
  const { getKeySet, verifyApiKey, listRevocations } = userContract.operations;
  await test.offer(
    'user',
    { getKeySet, verifyApiKey, listRevocations },
    {
      getKeySet: async () => ({ body: keys.jwks(systemClock.nowMs()) }),
      verifyApiKey: async ({ body }: { body: { hash: string } }) => {
        asked++;
        const known = test.apiKeys.get(body.hash);
        if (known === undefined) throw refusal('api-key.not-found', 'There is no such API key.');
        return { body: known };
      },
      listRevocations: async () => ({ body: { asOf: systemClock.now(), apiKeys: [], ...test.ended } }),
    },
  );
  const witness: LocalTarget = {
    kind: 'local',
    contract: witnessContract,
    handle(request, response, context) {
      const { method = '', url = '', headers, rawHeaders } = request;
      test.handed.push({ method, url, headers, rawHeaders, context });
      test.behave(request, response, context);
    },
  };
  const replica = witnessed === 'remote' ? await httpReplica(seenFromAfar(witness)) : undefined;
  const listed = replica === undefined ? witnessed : [replica.url];
  const found = Array.isArray(listed) ? { discovery: listedReplicas(listed, test.told), trust } : (listed as Found);
  const { client } = createClients({ caller: 'gateway', local: doors });
  const users = client(userContract);
  const callers = createCallers({
    clock: systemClock,
    onAskFailed: () => undefined,
    directory: {
      keySet: () => users.getKeySet({}, testAsker),
      apiKey: (hash, cause) => users.verifyApiKey({ body: { hash } }, { ...testAsker, cause }),
      endedTokens: (since) => users.listRevocations({ query: since === undefined ? {} : { since } }, testAsker),
      hear(ended) {
        listeners.set('user.changed.v1', [
          ({ payload }) => {
            const { userId, tokensValidFrom } = payload as { userId: string; tokensValidFrom: string };
            ended.user(userId, Date.parse(tokensValidFrom));
          },
        ]);
        listeners.set('user.erased.v1', [
          ({ payload }) => {
            const { userId, erasedAt } = payload as { userId: string; erasedAt: string };
            ended.user(userId, Date.parse(erasedAt));
          },
        ]);
      },
    },
  });
  const host: EdgeHost = {
    environment: { PORT: '0', STOA_HOST: '127.0.0.1', ...environment },
    clock: systemClock,
    log,
    version: '1.2.3',
    targets: [
      witnessed === 'local' ? witness : { kind: 'remote', contract: witnessContract, discoveryName: 'witness' },
    ],
    ...(witnessed !== 'local' && found),
    ...shared,
    client,
    callers,
    health: async () => test.health,
    onEvent: (type, hear) => listeners.set(type, [...(listeners.get(type) ?? []), hear]),
  };
  const edge = await startEdge(host);
  return Object.assign(test, {
    edge,
    port: Number(new URL(edge.url).port),
    async close() {
      await edge.close(Date.now() + 500);
      await replica?.close();
      callers.close();
      await Promise.all([...doors.values()].map((door) => door.close(Date.now() + 500)));
    },
  });
}

/** The witness behind a socket: it knows of the context what was sent. */
function seenFromAfar(witness: LocalTarget): RequestListener {
  return (request, response) => {
    const { headers } = request;
    witness.handle(request, response, {
      principal: anonymous,
      cause: { correlationId: String(headers['x-correlation-id']), traceparent: String(headers['traceparent']) },
      requestId: String(headers['x-request-id']),
      clientAddress: String(headers['x-forwarded-for']),
      deadlineMs: Date.now() + Number(headers['x-stoa-timeout-ms']),
    });
  };
}

/** A proof that is easily seen; that real ones hold is shown where they are made. */
const trust: Trust = {
  protocol: 'http:',
  proof: (caller) => ({ 'x-stoa-service': `${caller} proven` }),
  callerOf: () => undefined,
  server: undefined,
  connect: undefined,
  connectFor: () => undefined,
  certificate: undefined,
  close: () => undefined,
};

const offeredErrors = {
  ...userContract.errors,
  'saga.not-found': { status: 404, title: 'There is no such saga' },
  'saga.not-stuck': { status: 409, title: 'The saga is not stuck' },
};

export const answerOk: Behave = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"ok":true}');
};

/** The key under which an API key is known, as the user service stores it. */
export { hashSecret };
