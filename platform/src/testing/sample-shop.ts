import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { refusal } from '../errors/index.ts';
import { decodeCursor, pageOf, requireMatch, sse } from '../http/index.ts';
import {
  anyone,
  caller,
  contract,
  IdText,
  internal,
  Line,
  operation,
  type Principal,
  page,
  pageQuery,
  Quantity,
  staff,
  strict,
  Type,
} from '../schema/index.ts';
import { defineService, type Service } from '../service/index.ts';

const Tea = strict({ id: Type.String(), name: Type.String() });
const Order = strict({
  items: Type.Array(strict({ sku: Line(40), quantity: Quantity }), { minItems: 1, maxItems: 2_000 }),
  note: Type.Optional(Line(200)),
});

/** A small shop with one operation of every kind, for tests of the kit. */
export const sampleContract = contract({
  service: 'sample',
  operations: {
    listTeas: operation({
      method: 'GET',
      path: '/api/v1/teas',
      summary: 'Lists teas',
      access: anyone,
      query: { ...pageQuery, organic: Type.Optional(Type.Boolean()), tag: Type.Optional(Type.Array(Type.String())) },
      answer: page(Tea),
    }),
    getTea: operation({
      method: 'GET',
      path: '/api/v1/teas/:id',
      summary: 'One tea',
      access: anyone,
      params: { id: Line(200) },
      answer: Tea,
      errors: ['tea.not-found'],
      publicCacheS: 1,
    }),
    patchTea: operation({
      method: 'PATCH',
      path: '/api/v1/teas/:id',
      summary: 'Renames a tea',
      access: staff('merchandiser'),
      params: { id: Line(200) },
      body: strict({ name: Line(100) }),
      answer: Tea,
    }),
    deleteTea: operation({
      method: 'DELETE',
      path: '/api/v1/teas/:id',
      summary: 'Removes a tea',
      access: staff('merchandiser'),
      params: { id: Line(200) },
    }),
    placeOrder: operation({
      method: 'POST',
      path: '/api/v1/tea-orders',
      summary: 'Orders tea',
      access: anyone,
      body: Order,
      answer: strict({
        principal: Type.Unknown(),
        key: Type.String(),
        fingerprint: Type.String(),
        body: Type.Unknown(),
      }),
      statuses: [202, 201],
      idempotency: 'required',
      errors: ['tea.sold-out'],
      bodyBytesMax: 65_536,
    }),
    getMine: operation({
      method: 'GET',
      path: '/api/v1/tea-orders/mine',
      summary: 'My own',
      access: caller,
      answer: strict({ principal: Type.Unknown(), waitS: Type.Integer() }),
    }),
    getGuestOrder: operation({
      method: 'GET',
      path: '/api/v1/tea-orders/:id',
      summary: 'An order, for its owner',
      access: { who: 'owner', orRoles: ['support'], guest: 'order-token' },
      params: { id: IdText },
      answer: Tea,
    }),
    steep: operation({
      method: 'POST',
      path: '/api/v1/steep',
      summary: 'Takes longer than anybody waits',
      access: anyone,
      body: strict({ how: Type.String() }),
      timeoutMs: 100,
    }),
    importTeas: operation({
      method: 'POST',
      path: '/api/v1/teas/import',
      summary: 'Counts bytes',
      access: anyone,
      rawBody: ['text/csv'],
      answer: strict({ bytes: Type.Integer() }),
      bodyBytesMax: 1_000,
    }),
    watch: operation({
      method: 'GET',
      path: '/api/v1/watch',
      summary: 'Three events',
      access: anyone,
      streams: 'text/event-stream',
    }),
    getPrice: operation({
      method: 'POST',
      path: '/internal/prices',
      summary: 'For other services',
      access: internal,
      body: strict({ sku: Line(40), nested: Type.Optional(Type.Object({}, { additionalProperties: true })) }),
      answer: strict({ sku: Type.String(), principal: Type.Unknown() }),
      errors: ['tea.not-found', 'tea.away'],
    }),
  },
  events: {},
  commands: {},
  errors: {
    'tea.not-found': { status: 404, title: 'There is no such tea' },
    'tea.sold-out': { status: 409, title: 'The tea is sold out' },
    'tea.away': { status: 503, title: 'The tea is away' },
  },
});

const cached = { body: { id: 'assam', name: 'Assam' }, version: 7 };

/** What handlers saw, for tests that look at more than the answer. */
export interface SampleWitness {
  aborted: number;
  deadlines: number[];
  /** Bodies as `getPrice` got them. */
  bodies: unknown[];
}

export function sampleShop(witness: SampleWitness = { aborted: 0, deadlines: [], bodies: [] }) {
  return defineService<unknown>({
    name: 'sample',
    contract: sampleContract,
    routes: {
      listTeas: async ({ query }: { query: { limit?: number; cursor?: string } }) => {
        const from = query.cursor === undefined ? 0 : decodeCursor(Type.Integer({ minimum: 0 }), query.cursor);
        const limit = query.limit ?? 20;
        const rows = Array.from({ length: Math.max(0, Math.min(limit + 1, 50 - from)) }, (_, at) => from + at);
        const { items, nextCursor } = pageOf(rows, limit, (row) => row + 1);
        return { body: { items: items.map((row) => ({ id: String(row), name: `Tea ${row}` })), nextCursor } };
      },
      getTea: async ({ params }: { params: { id: string } }) => {
        if (params.id === 'assam') return cached;
        if (params.id === 'broken') throw new Error('secret: select password from users');
        throw new Error('wrapped', { cause: refusal('tea.not-found', `There is no tea ${params.id}.`) });
      },
      patchTea: async (call: { ifMatch?: string; body: { name: string } }) => {
        requireMatch(call, 7);
        return { body: { id: 'assam', name: call.body.name }, version: 8 };
      },
      deleteTea: async () => ({}),
      placeOrder: async ({ body, principal, idempotencyKey, fingerprint }: never) => ({
        body: { principal, key: idempotencyKey, fingerprint, body },
        headers: { location: '/api/v1/tea-orders/1' },
      }),
      getMine: async ({ principal, waitS }: { principal: Principal; waitS?: number }) => ({
        body: { principal, waitS: waitS ?? 0 },
      }),
      getGuestOrder: async () => ({ body: { id: '1', name: 'Assam' } }),
      steep: async ({ signal }: { signal: AbortSignal }) => {
        signal.addEventListener('abort', () => witness.aborted++);
        await sleep(5_000, undefined, { signal });
        return {};
      },
      importTeas: async ({ stream }: { stream: Readable }) => {
        let bytes = 0;
        for await (const chunk of stream) bytes += (chunk as Buffer).length;
        return { body: { bytes } };
      },
      watch: async (call: { signal: AbortSignal; lastEventId?: string }) => {
        call.signal.addEventListener('abort', () => witness.aborted++);
        return sse(call, threeEvents(call.lastEventId, call.signal));
      },
      getPrice: async ({
        body,
        principal,
        deadlineMs,
      }: {
        body: { sku: string };
        principal: Principal;
        deadlineMs: number;
      }) => {
        witness.deadlines.push(deadlineMs);
        witness.bodies.push(body);
        if (body.sku === 'gone') throw refusal('tea.not-found', 'There is no such tea.');
        if (body.sku === 'away') throw refusal('tea.away', 'Come back later.', { retryAfterS: 3 });
        if (body.sku === 'broken') throw new Error('secret');
        if (body.sku === 'foreign') throw refusal('other.code', 'A code of somebody else.');
        return { body: { sku: body.sku, principal, when: undefined } };
      },
    } as never,
  });
}

async function* threeEvents(lastEventId: string | undefined, signal: AbortSignal) {
  for (let id = Number(lastEventId ?? 0) + 1; id <= 3; id++) yield { id, event: 'tea', data: { id } };
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The sample has no database: its handlers never ask for one. */
export const sampleService = { name: 'sample', log: pino({ level: 'silent' }) } as unknown as Service;
