import type { ApiKey, Session, SignedIn, User } from '@stoa/contracts/user';
import { createRevocations, createTokenVerifier, hashSecret, isApiKey } from '@stoa/platform/auth';
import { assert, type Violation } from '@stoa/platform/errors';
import { type HostedHttp, hostHttp, type InvokeResult } from '@stoa/platform/http';
import { anonymous, type EventType, type Principal, validatorOf } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import { Database, migrate, readMigrations } from '@stoa/platform/sql';
import { systemClock } from '@stoa/platform/time';
import { pino } from 'pino';
import type { UserDeps } from '../deps.ts';
import { user } from '../service.ts';

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
    readonly apiKeys: readonly ApiKey[];
  };

/** The user service on a real database, behind a socket, with a verifier that hears its events: what a client meets. */
export interface HostedUser {
  readonly db: Database;
  readonly service: Service<UserDeps>;
  /** Events whose transactions have committed. */
  readonly told: Told[];
  call(method: string, path: string, request?: Request): Promise<Answered>;
  /** A call of another service. */
  ask(operation: string, input?: { params?: object; query?: object; body?: unknown }): Promise<InvokeResult>;
  close(): Promise<void>;
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
  const db = new Database({ url: databaseUrl, name: 'user' });
  assert(user.migrations && user.prepare, 'the user service has a database');
  await migrate(db, 'user', await readMigrations(user.migrations));
  const log = pino({ level: 'silent' });
  const start = { environment, db, clock: systemClock, log, client: noOther };
  const deps: UserDeps = { ...(await user.prepare(start)), forgotAnswerMs: 50 };
  const told: Told[] = [];
  const revocations = createRevocations({ clock: systemClock });
  const service = {
    name: 'user',
    db,
    clock: systemClock,
    log,
    deps,
    client: noOther,
    publish(tx, event: EventType, { payload }) {
      assert(validatorOf(event.payload).check(payload), `${event.type} has not its shape`);
      tx.afterCommit(() => hear({ type: event.type, payload: payload as Told['payload'] }));
    },
  } as unknown as Service<UserDeps>;

  function hear(message: Told): void {
    told.push(message);
    const { userId, tokensValidFrom, erasedAt, sessionId } = message.payload as Record<string, string>;
    if (sessionId) revocations.revokeSession(sessionId);
    else if (userId && (tokensValidFrom ?? erasedAt)) {
      revocations.revokeUser(userId, Date.parse(tokensValidFrom ?? (erasedAt as string)));
    }
  }

  const verifier = createTokenVerifier({
    jwks: async () => (await http.invoke('getKeySet', asService)).body as never,
    clock: systemClock,
    isRevoked: revocations.isRevoked,
  });
  const http: HostedHttp = await hostHttp(user, service, {
    log,
    checkAnswers: true,
    verifyToken: (token) => (isApiKey(token) ? keyPrincipal(http, token) : verifier.verify(token)),
  });
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 });

  return {
    db,
    service,
    told,
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
      return { status: answer.status, body: JSON.parse(text || '{}'), headers: answer.headers };
    },
    ask: (operation, input = {}) => http.invoke(operation, { ...asService, ...(input as object) }),
    async close() {
      await http.close(Date.now() + 1000);
      await db.close();
    },
  };
}

const asService = {
  principal: anonymous,
  cause: { correlationId: 'test' },
  get deadlineMs() {
    return Date.now() + 10_000;
  },
};

async function keyPrincipal(http: HostedHttp, token: string): Promise<Principal> {
  const { status, body } = await http.invoke('verifyApiKey', { ...asService, body: { hash: hashSecret(token) } });
  assert(status === 200, 'the key is good');
  const { id, name, role } = body as { id: string; name: string; role: 'admin' };
  return { kind: 'key', keyId: id, name, role };
}

function noOther(): never {
  throw new Error('the user service calls no other');
}
