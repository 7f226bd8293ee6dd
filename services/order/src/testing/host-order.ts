import { type Order, orderContract } from '@stoa/contracts/order';
import type { Cart } from '@stoa/contracts/order-carts';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { type Client, createClients } from '@stoa/platform/client';
import { assert, type Violation } from '@stoa/platform/errors';
import type { Role } from '@stoa/platform/schema';
import { type OpsContract, opsContract, run, type Service, type ServiceDefinition } from '@stoa/platform/service';
import { testDatabase } from '@stoa/platform/testing';
import pino from 'pino';
import type { OrderDeps } from '../deps.ts';
import { order } from '../service.ts';
import { type Neighbours, reserved, standIns } from './neighbours.ts';

/** Every field that some answer has. Which of them an answer has is for the test to assert, and for the contract, which is checked too. */
export type AnsweredBody = Omit<Cart, 'items' | 'changes'> &
  Omit<Order, 'items'> & {
    readonly items: Cart['items'] & Order['items'];
    readonly changes: readonly Record<string, unknown>[];
    readonly code: string;
    readonly detail: string;
    readonly errors: readonly Violation[];
  };

export interface Request {
  /** A signed-in person's id. */
  readonly user?: string;
  /** What the person is; a customer unless said otherwise. */
  readonly role?: Role;
  readonly cartToken?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface HostedOrder {
  readonly service: Service<OrderDeps>;
  readonly neighbours: Neighbours;
  /** The service as another one calls it. */
  readonly client: Client<typeof orderContract>;
  /** What operators are let do with it. */
  readonly ops: Client<OpsContract>;
  call(
    method: string,
    path: string,
    request?: Request,
  ): Promise<{ status: number; body: AnsweredBody; headers: Headers }>;
  /** Stops the service and starts it anew on the same database. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** The order service on a real database, behind a socket, among stand-ins for its neighbours. Answers are checked against the contract. */
export async function hostOrder(): Promise<HostedOrder> {
  const neighbours: Neighbours = {
    catalogue: new Map(),
    stock: new Map(),
    deadlines: new Map(),
    held: undefined,
    reservation: reserved,
    // Nobody is paid: orders stay pending unless refused.
    later: new Set([paymentCommands.authorisePayment]),
    answers: new Map(),
    erasedContacts: new Map(),
  };
  const definitions = [order as unknown as ServiceDefinition<never>, ...standIns(neighbours)];
  const databases = new Map(
    await Promise.all(definitions.map(async ({ name }) => [name, await testDatabase(name)] as const)),
  );
  const open = async () => {
    const running = await run(definitions, {
      environment: { STOA_TEST_MODE: '1' },
      log: pino({ level: 'silent' }),
      version: 'test',
      databaseUrl: async (name) => databases.get(name)?.url as string,
      verifyToken: async (token) => {
        const [userId = '', role] = token.split('.');
        return { kind: 'user', userId, role: role as Role, sessionId: userId };
      },
    });
    const hosted = running.services.get('order');
    assert(hosted !== undefined, 'order is hosted');
    const { url } = await hosted.http.listen({ host: '127.0.0.1', port: 0 });
    const { client } = createClients({ caller: 'gateway', local: new Map([['order', hosted.http]]) });
    return {
      running,
      url,
      client: client(orderContract),
      ops: client(opsContract('order')),
      service: hosted.service as unknown as Service<OrderDeps>,
    };
  };
  let opened = await open();
  return {
    neighbours,
    get client() {
      return opened.client;
    },
    get ops() {
      return opened.ops;
    },
    get service() {
      return opened.service;
    },
    async call(method, path, { user, role = 'customer', cartToken, body, headers = {} } = {}) {
      const answer = await fetch(opened.url + path, {
        method,
        headers: {
          ...(user !== undefined && { authorization: `Bearer ${user}.${role}` }),
          ...(cartToken !== undefined && { 'x-cart-token': cartToken }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        body: (text === '' ? {} : JSON.parse(text)) as AnsweredBody,
        headers: answer.headers,
      };
    },
    async restart() {
      await opened.running.stop(Date.now() + 2_000);
      opened = await open();
    },
    async close() {
      await opened.running.stop(Date.now() + 2_000);
      for (const database of databases.values()) await database.drop();
    },
  };
}
