// limit: 120 s
// load: half
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newId } from '@stoa/platform/ids';
import type { TSchema } from '@stoa/platform/schema';
import fc from 'fast-check';
import { ApiDocument, type DescribedOperation } from '../contract/document.ts';
import { badTexts, badValues } from './bad-values.ts';
import { goodRequest } from './good-request.ts';
import { openWatchedShop, type WatchedShop } from './open-shop.ts';
import { publicOperations } from './operations.ts';
import { sampleOf } from './samples.ts';
import { type Sending, type Sent, Wire } from './send.ts';
import { ask, register, settleTown, type Town } from './town.ts';

const fuzzMs = 20_000;
const answerMsMax = 1_000;
let shop: WatchedShop;
let wire: Wire;
let town: Town;
let document: ApiDocument;
let customerToken: string;

before(async () => {
  shop = await openWatchedShop();
  wire = new Wire(shop.port);
  town = await settleTown(shop, wire);
  document = await ApiDocument.read(wire);
  customerToken = (await register(wire)).accessToken;
});
after(async () => {
  wire?.close();
  await shop?.close();
});

interface Shape {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
  readonly items?: TSchema;
  readonly anyOf?: readonly TSchema[];
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    ...badValues
      .filter(({ neverGood, json }) => !neverGood && json.length < 10_000)
      .map(({ json }) => JSON.parse(json)),
  ),
);

/** Values as the schema describes them, most of the time. */
function likely(schema: TSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: described(schema as Shape, schema) }, { weight: 1, arbitrary: anything });
}

function described(shape: Shape, schema: TSchema): fc.Arbitrary<unknown> {
  if (shape.enum) return fc.constantFrom(...shape.enum);
  if (shape.anyOf) return fc.oneof(...shape.anyOf.map(likely));
  switch (shape.type) {
    case 'object': {
      const fields = Object.entries(shape.properties ?? {});
      if (fields.length === 0) return fc.dictionary(fc.string(), fc.string(), { maxKeys: 5 });
      return fc.record(Object.fromEntries(fields.map(([name, of]) => [name, likely(of)])), {
        requiredKeys: [...(shape.required ?? [])],
      });
    }
    case 'array':
      return fc.array(likely(shape.items as TSchema), { maxLength: 3 });
    case 'string':
      return fc.oneof(
        { weight: 3, arbitrary: fc.constant(0).map(() => sampleOf(schema)) },
        fc.string({ unit: 'grapheme' }),
      );
    case 'integer':
      return fc.oneof(
        fc.integer({ min: shape.minimum ?? -5, max: Math.min(shape.maximum ?? 10, Number.MAX_SAFE_INTEGER) }),
        fc.maxSafeInteger(),
      );
    case 'number':
      return fc.double();
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return anything;
  }
}

interface Attempt {
  readonly operation: DescribedOperation;
  readonly asker: 'admin' | 'customer' | 'nobody' | 'guest';
  /** Which one of its parts differs from a good request; undefined for one that is drawn as a whole. */
  readonly differs: number | undefined;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** A request to one of the operations: its own ids half of the time, everything else drawn from what the document says of it. */
function attempts(): fc.Arbitrary<Attempt> {
  return fc.oneof(
    ...document.operations.map((operation) => {
      const inQueryOrPath = operation.parameters.filter((one) => one.in !== 'header');
      const parts = Object.fromEntries(
        inQueryOrPath.map((one) => {
          const value = fc.oneof({ weight: 8, arbitrary: likely(one.schema) }, fc.constantFrom(...badTexts));
          return [one.name, one.required ? value : fc.option(value, { nil: undefined })];
        }),
      );
      const content = operation.requestBody?.content['application/json'];
      return fc.record({
        operation: fc.constant(operation),
        asker: fc.constantFrom('admin', 'admin', 'customer', 'customer', 'nobody', 'guest'),
        differs: fc.option(fc.nat(20), { nil: undefined, freq: 2 }),
        parts: fc.record(parts),
        body: content ? likely(content.schema) : operation.requestBody ? fc.string() : fc.constant(undefined),
      }) as fc.Arbitrary<Attempt>;
    }),
  );
}

function sendingOf({ operation, asker, differs, parts, body: drawn }: Attempt): Sending {
  const named = publicOperations.find(({ name }) => name === operation.operationId);
  const good = named && differs !== undefined ? goodRequest(named, town) : undefined;
  const own = good?.params ?? {};
  const inQuery = operation.parameters.filter((one) => one.in === 'query' && parts[one.name] !== undefined);
  const asked = good
    ? { ...good.query, ...Object.fromEntries(oneOf(inQuery, differs).map((one) => [one.name, parts[one.name]])) }
    : Object.fromEntries(inQuery.map((one) => [one.name, parts[one.name]]));
  const body =
    good && isObject(good.body) && isObject(drawn)
      ? { ...good.body, ...Object.fromEntries(oneOf(Object.entries(drawn), differs)) }
      : drawn;
  const text = (value: unknown) =>
    encodeURIComponent(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  const path = operation.path.replace(/:([A-Za-z]+)/g, (_, name: string) => text(own[name] ?? parts[name]) || 'x');
  const query = Object.entries(asked)
    .map(([name, value]) => `${name}=${text(value)}`)
    .join('&');
  const [type] = Object.keys(operation.requestBody?.content ?? {});
  const token = { admin: town.adminToken, customer: customerToken, nobody: undefined, guest: undefined }[asker];
  const sent = type === 'application/json' ? JSON.stringify(body) : body === undefined ? undefined : String(body);
  return {
    method: operation.method,
    path: query === '' ? path : `${path}?${query}`,
    headers: {
      'idempotency-key': newId(),
      ...(token && { authorization: `Bearer ${token}` }),
      ...(asker === 'guest' && town.guest),
      ...(type && sent !== undefined && { 'content-type': type }),
    },
    ...(sent !== undefined && { body: sent }),
  };
}

/** One of several, or none when the number lies beyond them. */
function oneOf<T>(several: readonly T[], at: number | undefined): T[] {
  const one = several[at ?? 0];
  return one === undefined ? [] : [one];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Paths in which something was put that makes them another address are answered for that address. */
function isAnotherAddress({ operation }: Attempt, { path }: Sending): boolean {
  const segments = (path.split('?')[0] as string).split('/');
  const own = operation.path.split('/');
  return segments.some(
    (segment, at) =>
      own[at]?.startsWith(':') && /^(|\.{1,2}|.*%(2F|5C|00).*|me|export|import|preferences)$/i.test(segment),
  );
}

test('whatever is asked that the document describes, the answer is one that the document describes', async (t) => {
  const seed = Number(process.env.STOA_FUZZ_SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`seed ${seed}; STOA_FUZZ_SEED repeats it`);
  let requests = 0;
  const answered = new Map<string, Set<number>>();
  const before = await count();
  await fc.assert(
    fc.asyncProperty(attempts(), async (attempt) => {
      const sending = sendingOf(attempt);
      let answer = await wire.send(sending);
      if (attempt.asker === 'customer' && answer.status === 401) {
        // Customers who draw "erase me" or "sign out" are followed by others.
        customerToken = (await register(wire)).accessToken;
        answer = await wire.send(sendingOf(attempt));
      }
      requests++;
      if (answer.ms > answerMsMax) answer = await wire.send(sendingOf(attempt));
      answered.set(
        attempt.operation.operationId,
        (answered.get(attempt.operation.operationId) ?? new Set()).add(answer.status),
      );
      assertGood(attempt, sending, answer);
    }),
    { seed, numRuns: 1_000_000, interruptAfterTimeLimit: fuzzMs, markInterruptAsFailure: false, endOnFailure: true },
  );
  const good = [...answered.values()].filter((statuses) => [...statuses].some((status) => status < 300)).length;
  const operations = document.operations.length;
  t.diagnostic(`${requests} requests to ${answered.size} of ${operations} operations, ${good} of which granted one`);
  assert.ok(answered.size > operations * 0.9, 'nearly every operation was asked');
  assert.ok(good > operations / 5, `only ${good} granted anything`);
  assert.ok((await count()) >= before, 'and the shop still answers');
});

function assertGood({ operation, ...attempt }: Attempt, sending: Sending, answer: Sent): void {
  const what = `${sending.method} ${sending.path} as ${attempt.asker} ${String(sending.body).slice(0, 1_000)}`;
  assert.ok(answer.status < 500 || answer.status === 503, `${what}: ${answer.status} ${answer.text}`);
  assert.ok(answer.ms < answerMsMax, `${what}: ${Math.round(answer.ms)} ms`);
  if (isAnotherAddress({ operation, ...attempt }, sending)) return;
  assert.equal(document.differenceOf(operation.method, operation.path, answer), undefined, what);
}

async function count(): Promise<number> {
  assert.equal((await ask(wire, 'GET', '/health/ready')).status, 200);
  const [row] = await shop.query<{ users: number }>('user', 'select count(*) as users from account');
  return row?.users ?? 0;
}
