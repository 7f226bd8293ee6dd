import { type CategoryNode, type Product, type ProductFacets, productContract } from '@stoa/contracts/product';
import { productEvents } from '@stoa/contracts/product-messages';
import { assert, type Violation } from '@stoa/platform/errors';
import { contract, type PayloadOf, type Principal } from '@stoa/platform/schema';
import { defineService, reaction, run } from '@stoa/platform/service';
import type { Database } from '@stoa/platform/sql';
import { testDatabase } from '@stoa/platform/testing';
import { pino } from 'pino';
import { product } from '../service.ts';

/** Any of the bodies there are; tests check what they expect of it. */
export type AnsweredBody = Product &
  CategoryNode & {
    readonly code: string;
    readonly detail: string;
    readonly errors: Violation[];
    readonly items: (Product & CategoryNode)[];
    readonly nextCursor: string | null;
    readonly facets: ProductFacets;
  };

export interface Answered {
  readonly status: number;
  readonly body: AnsweredBody;
  readonly text: string;
  readonly headers: Headers;
}

export interface Request {
  readonly as?: 'merchandiser' | 'admin' | 'support' | 'customer';
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** The product service on a real database behind a socket, and a service that hears its events: what a client meets. */
export interface HostedProduct {
  readonly url: string;
  readonly db: Database;
  /** Changes that others have heard of. */
  readonly heard: PayloadOf<typeof productEvents.productChanged>[];
  call(method: string, path: string, request?: Request): Promise<Answered>;
  /** A call of another service. */
  ask(operation: string, body: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export async function hostProduct(name: string): Promise<HostedProduct> {
  const databases = new Map([
    ['product', await testDatabase(name)],
    ['witness', await testDatabase(`${name} witness`)],
  ]);
  const heard: HostedProduct['heard'] = [];
  const witness = defineService<never>({
    name: 'witness',
    contract: contract({ service: 'witness', operations: {}, events: {}, commands: {}, errors: {} }),
    reactions: [reaction(productEvents.productChanged, ({ payload }) => void heard.push(payload))],
  });
  const running = await run([product, witness], {
    environment: {},
    log: pino({ level: process.env.STOA_TEST_LOG ?? 'silent' }),
    version: 'test',
    databaseUrl: async (service) => databases.get(service)?.url ?? '',
    verifyToken: async (role) => principalOf(role as Request['as']),
  });
  const hosted = running.services.get('product');
  assert(hosted, 'the product service runs');
  const { url } = await hosted.http.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    db: hosted.service.db,
    heard,
    async call(method, path, { as, body, headers = {} } = {}) {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...(as && { authorization: `Bearer ${as}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      const json =
        /json$/.test(answer.headers.get('content-type') ?? '') &&
        !/ndjson/.test(answer.headers.get('content-type') ?? '');
      return { status: answer.status, body: json ? JSON.parse(text) : {}, text, headers: answer.headers };
    },
    async ask(operation, body) {
      assert(operation in productContract.operations, `${operation} is an operation`);
      const { status, body: answer } = await hosted.http.invoke(operation, {
        principal: { kind: 'service', name: 'order' },
        cause: { correlationId: 'test' },
        deadlineMs: Date.now() + 10_000,
        body,
      });
      assert(status === 200, `${operation} answers ${status}: ${JSON.stringify(answer)}`);
      return answer;
    },
    async close() {
      await running.stop();
      for (const database of databases.values()) await database.drop();
    },
  };
}

function principalOf(role: Request['as']): Principal {
  assert(role, 'the token names a role');
  return {
    kind: 'user',
    userId: '0190f1e0-0000-7000-8000-000000000001',
    role,
    sessionId: '0190f1e0-0000-7000-8000-000000000002',
  };
}
