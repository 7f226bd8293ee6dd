import type { Notification, NotificationPreferences } from '@stoa/contracts/notification';
import type { Order } from '@stoa/contracts/order';
import { type ApiKey, type Session, type SignedIn, type User, userContract } from '@stoa/contracts/user';
import { userEvents } from '@stoa/contracts/user-messages';
import { createRevocations, createTokenVerifier, hashSecret, isApiKey } from '@stoa/platform/auth';
import { assert, type Violation } from '@stoa/platform/errors';
import type { HostedHttp, InvokeResult } from '@stoa/platform/http';
import { type Operation, type Principal, type Role, validatorOf } from '@stoa/platform/schema';
import { defineService, type HostedService, run, type Service, type ServiceDefinition } from '@stoa/platform/service';
import type { Database } from '@stoa/platform/sql';
import { systemClock } from '@stoa/platform/time';
import { pino } from 'pino';
import type { UserDeps } from '../deps.ts';
import { user } from '../service.ts';
import { type Neighbours, standIns } from './neighbours.ts';

export interface Told {
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

export interface Answered {
  readonly status: number;
  readonly body: AnsweredBody;
  readonly headers: Headers;
}

/** Every field that some answer has. Which of them an answer has is for the test to assert, and for the contract, which is checked too. */
export type AnsweredBody = User &
  SignedIn & {
    readonly code: string;
    readonly detail: string;
    readonly errors: readonly Violation[];
    readonly items: readonly (User & Session & ApiKey)[];
    readonly nextCursor: string | null;
    readonly key: string;
    readonly keys: readonly Record<string, string>[];
    readonly sessions: readonly Session[];
    readonly carts: readonly unknown[];
    readonly apiKeys: readonly ApiKey[];
    readonly passwordResets: readonly unknown[];
    readonly orders: readonly Order[];
    readonly notifications: readonly Notification[];
    readonly notificationPreferences: NotificationPreferences;
  };

/** The user service on a real database, behind a socket, with a verifier that hears its events: what a client meets. */
export interface HostedUser {
  readonly db: Database;
  readonly service: Service<UserDeps>;
  /** Events whose transactions have committed. */
  readonly told: Told[];
  readonly neighbours: Neighbours;
  call(method: string, path: string, request?: Request): Promise<Answered>;
  /** A call of another service, or of somebody whom a verifier still believes. */
  ask(
    operation: string,
    input?: { params?: object; query?: object; body?: unknown; principal?: Principal; idempotencyKey?: string },
  ): Promise<InvokeResult>;
  stop(): Promise<void>;
}

interface Request {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export const adminOfTests = { email: 'admin@example.com', password: 'a fine first password' };

/** Hosts the service; the first admin is `adminOfTests` unless the environment says otherwise. */
export async function hostUser(
  databaseUrl: string,
  environment: Record<string, string> = {
    STOA_ADMIN_EMAIL: adminOfTests.email,
    STOA_ADMIN_PASSWORD: adminOfTests.password,
  },
): Promise<HostedUser> {
  const told: Told[] = [];
  const neighbours: Neighbours = { orders: new Map(), carts: [], notifications: [] };
  const revocations = createRevocations({ clock: systemClock });
  const verifier = createTokenVerifier({
    jwks: async () => (await http.invoke('getKeySet', asService())).body as never,
    clock: systemClock,
    isRevoked: revocations.isRevoked,
  });
  const running = await run([user as unknown as ServiceDefinition<never>, ...standIns(neighbours), earOf(hear)], {
    environment,
    log: pino({ level: 'silent' }),
    version: 'test',
    databaseUrl: async () => databaseUrl,
    verifyToken: (token) => (isApiKey(token) ? principalOfKey(http, token) : verifier.verify(token)),
  });
  const { http, service } = running.services.get('user') as HostedService;
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 });

  /** What a verifier does with events. */
  function hear({ type, payload }: Told): void {
    told.push({ type, payload });
    const { userId, tokensValidFrom, erasedAt, sessionId } = payload as Record<string, string>;
    const since = tokensValidFrom ?? erasedAt;
    if (sessionId) revocations.revokeSession(sessionId);
    else if (userId && since) revocations.revokeUser(userId, Date.parse(since));
  }

  return {
    db: service.db,
    service: service as unknown as Service<UserDeps>,
    told,
    neighbours,
    async call(method, path, { token, body, headers = {} } = {}) {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      const read = text === '' ? undefined : JSON.parse(text);
      if (answer.ok) requireDeclared(method, path, answer.status, read);
      return { status: answer.status, body: read ?? {}, headers: answer.headers };
    },
    ask: (operation, input = {}) => http.invoke(operation, { ...asService(), ...(input as object) }),
    stop: () => running.stop(Date.now() + 2000),
  };
}

/** A good answer has a status and a shape that the contract declares. */
function requireDeclared(method: string, path: string, status: number, body: unknown): void {
  const plain = path.split('?')[0] ?? '';
  const declared = Object.values<Operation>(userContract.operations).find(
    (one) => one.method === method && new RegExp(`^${one.path.replace(/:\w+/g, '(?!me$)[^/]+')}$`).test(plain),
  );
  const good = declared?.statuses.includes(status) && (!declared.answer || validatorOf(declared.answer).check(body));
  assert(good, `${method} ${path} answered what the contract does not declare: ${status} ${JSON.stringify(body)}`);
}

/** A door that lets nobody in and hears every event, as the gateway does. */
function earOf(hear: (message: Told) => void): ServiceDefinition<never> {
  return defineService<never>({
    name: 'ear',
    contract: { service: 'ear', operations: {}, events: {}, commands: {}, errors: {} },
    async edge(host) {
      for (const { type } of Object.values(userEvents))
        host.onEvent(type, (message) => hear(message as unknown as Told));
      return { url: '', retire: () => undefined, close: async () => undefined };
    },
  });
}

function asService() {
  return {
    principal: { kind: 'service', name: 'test' } as const,
    cause: { correlationId: 'test' },
    deadlineMs: Date.now() + 10_000,
  };
}

async function principalOfKey(http: HostedHttp, token: string): Promise<Principal> {
  const { status, body } = await http.invoke('verifyApiKey', { ...asService(), body: { hash: hashSecret(token) } });
  assert(status === 200, 'the key is good');
  const { id, name, role } = body as { id: string; name: string; role: Role };
  return { kind: 'key', keyId: id, name, role };
}
