import type { Payment, PaymentStatus } from '@stoa/contracts/payment';
import { assert } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import type { Message, Outcome, Principal } from '@stoa/platform/schema';
import { type InvariantCheck, run } from '@stoa/platform/service';
import type { Database } from '@stoa/platform/sql';
import { testDatabase } from '@stoa/platform/testing';
import { pino } from 'pino';
import type { PaymentService } from '../deps.ts';
import { payment } from '../service.ts';
import { type Ended, ends, type Input, shop } from './shop.ts';

/** The payment service beside a shop whose sagas send it commands: nothing of the kit is replaced. */
export interface HostedPayment {
  readonly url: string;
  readonly db: Database;
  readonly service: PaymentService;
  /** Runs a saga of one command to its end. */
  does(saga: Does, input: Partial<Input> & { orderId: string }): Promise<Ended>;
  /** Starts one without waiting for its end; `ended` waits. */
  starts(saga: Does, input: Partial<Input> & { orderId: string }): Promise<string>;
  ended(key: string): Promise<Ended>;
  /** Turns an authorisation back. */
  cancels(key: string): Promise<void>;
  /** Hands the service a message as the transport does. */
  delivers(messages: readonly Message[]): Promise<void>;
  /** What a step that was delivered by hand has come to. */
  outcomeOf(saga: string, step: string): Promise<{ state: string; outcome: Outcome | null } | undefined>;
  payment(orderId: string): Promise<Payment>;
  /** What the provider's own books say about an order. */
  charges(
    orderId: string,
  ): Promise<{ key: string; state: string; captures: number; captured: number; refunded: number }[]>;
  /** Waits until the payment of an order has come to a status; returns its id. */
  reaches(orderId: string, status: PaymentStatus): Promise<string>;
  call(
    method: string,
    path: string,
    request?: { body?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; body: never; headers: Headers }>;
  ask(operation: string, query?: Record<string, unknown>): Promise<never>;
  invariants(): Promise<InvariantCheck[]>;
  /** Waits until nothing is on its way: no effect, no message. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

type Does = 'authorise' | 'capture' | 'refund' | 'release';

export const webhookSecret = 'the secret of the tests';

export async function hostPayment(name: string, environment: Record<string, string> = {}): Promise<HostedPayment> {
  const databases = new Map([
    ['payment', await testDatabase(name)],
    ['shop', await testDatabase(`${name} shop`)],
  ]);
  const running = await run([payment as never, shop as never], {
    environment: {
      STOA_PAYMENT_WEBHOOK_SECRET: webhookSecret,
      STOA_PAYMENT_SANDBOX_WEBHOOK_DELAY: '50ms',
      ...environment,
    },
    log: pino({ level: process.env.STOA_TEST_LOG ?? 'silent' }),
    version: 'test',
    databaseUrl: async (service) => databases.get(service)?.url ?? '',
    verifyToken: async (role) => principalOf(role),
  });
  const hosted = running.services.get('payment');
  const shopHosted = running.services.get('shop');
  assert(hosted && shopHosted, 'both services run');
  const { url } = await hosted.http.listen({ host: '127.0.0.1', port: 0 });
  const { db } = hosted.service;
  const shopService = shopHosted.service;

  const self: HostedPayment = {
    url,
    db,
    service: hosted.service as unknown as PaymentService,
    async does(sagaName, input) {
      return self.ended(await self.starts(sagaName, input));
    },
    async starts(sagaName, input) {
      const key = newId();
      const whole: Input = {
        amount: 1_000,
        paymentToken: 'tok_approved',
        refundId: newId(),
        refundedAt: '2010-12-01T08:26:00.000Z',
        thenFails: false,
        ...input,
      };
      const cause = { correlationId: key };
      await shopService.db.transaction(async (tx) =>
        shopService.sagas.start(tx, sagaName, { key, input: whole, cause }),
      );
      return key;
    },
    ended: (key) => eventually(() => ends.get(key), `the end of saga ${key}`),
    async cancels(key) {
      const failure = { code: 'test.cancelled', detail: 'as asked' };
      const turned = await shopService.db.transaction((tx) => shopService.sagas.cancel(tx, 'authorise', key, failure));
      assert(turned === 'compensating', `the saga turns back, not ${turned}`);
    },
    delivers: (messages) => hosted.inbox.accept(messages),
    async outcomeOf(sagaId, step) {
      const rows = await db.query<{ state: string; outcome: Outcome | null }>(
        'select state, outcome from kit.step where saga = $1 and step = $2',
        [sagaId, step],
      );
      return rows[0];
    },
    async payment(orderId) {
      const { status, body } = await self.call('GET', `/api/v1/payments?orderId=${orderId}`);
      assert(status === 200, `payments are listed, not ${status}`);
      const [found] = (body as { items: Payment[] }).items;
      assert(found, `order ${orderId} has a payment`);
      return found;
    },
    charges: (orderId) =>
      db.query('select key, state, captures, captured, refunded from sandbox.charge where order_id = $1', [orderId]),
    reaches: (orderId, status) =>
      eventually(async () => {
        const [row] = await db.query<{ id: string; status: string }>(
          'select id, status from payment where order_id = $1',
          [orderId],
        );
        return row?.status === status ? row.id : undefined;
      }, `the payment of order ${orderId} to be ${status}`),
    async call(method, path, { body, headers = { authorization: 'Bearer support' } } = {}) {
      const answer = await fetch(url + path, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body }),
      });
      return {
        status: answer.status,
        body: JSON.parse((await answer.text()) || '{}') as never,
        headers: answer.headers,
      };
    },
    async ask(operation, query = {}) {
      const { status, body } = await hosted.http.invoke(operation, {
        principal: { kind: 'service', name: 'system' },
        cause: { correlationId: 'test' },
        deadlineMs: Date.now() + 10_000,
        query,
      });
      assert(status === 200, `${operation} answers ${status}`);
      return body as never;
    },
    async invariants() {
      return (await hosted.definition.invariants?.(hosted.service)) ?? [];
    },
    async settled() {
      await eventually(async () => {
        const [row] = await db.query<{ left: number }>(
          'select (select count(*) from kit.effect) + (select count(*) from kit.outbox) + (select count(*) from kit.inbox) as left',
          [],
        );
        return row?.left === 0 || undefined;
      }, 'everything to settle');
    },
    async close() {
      await running.stop();
      for (const database of databases.values()) await database.drop();
    },
  };
  return self;
}

/** Polls until there is something, for at most 30 s. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  const until = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function principalOf(role: string): Principal {
  assert(role === 'support' || role === 'customer', 'the token names a role');
  return {
    kind: 'user',
    userId: '0190f1e0-0000-7000-8000-000000000001',
    role,
    sessionId: '0190f1e0-0000-7000-8000-000000000002',
  };
}
