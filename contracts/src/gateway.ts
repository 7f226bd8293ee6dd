import {
  anyone,
  caller,
  contract,
  IdText,
  Instant,
  Line,
  nullable,
  oneOf,
  operation,
  pageQuery,
  type Static,
  staff,
  strict,
  Type,
} from '@stoa/platform/schema';
import { Notification } from './notification.ts';
import { Order } from './order.ts';
import { Product } from './product.ts';
import { User } from './user.ts';

const serviceName = Type.String({ minLength: 1, maxLength: 40, pattern: '^[a-z]+$' });
/** Services that did not answer in time; what they would have told is missing. */
const partial = Type.Array(Type.String());
const state = oneOf(['up', 'degraded', 'down']);

export const ServiceHealth = strict({
  name: Type.String(),
  state,
  latencyMs: Type.Number(),
  reason: Type.Optional(Type.String()),
});
export type ServiceHealth = Static<typeof ServiceHealth>;

/** How the whole is: as bad as the worst part. */
export const Health = strict({
  status: state,
  version: Type.String(),
  uptimeS: Type.Number(),
  memory: strict({ residentBytes: Type.Integer(), heapUsedBytes: Type.Integer() }),
  services: Type.Array(ServiceHealth),
});
export type Health = Static<typeof Health>;

const count = Type.Integer({ minimum: 0 });
const sagaStatus = oneOf(['running', 'compensating', 'completed', 'compensated', 'stuck']);

/** One saga in a list. `step` is the step it stands at; null when it has ended. */
export const OpsSaga = strict({
  service: Type.String(),
  id: IdText,
  name: Type.String({ description: 'The definition: check-out, refund …' }),
  key: Type.String({ description: 'What it is about: the id of the order …' }),
  status: sagaStatus,
  step: nullable(Type.String()),
  attempts: count,
  failure: nullable(strict({ code: Type.String(), detail: Type.String() })),
  correlationId: Type.String(),
  startedAt: Instant,
  updatedAt: Instant,
});
export type OpsSaga = Static<typeof OpsSaga>;

/** One saga with its way so far: its steps in the order of the definition, and what happened to them in the order of time. */
export const OpsSagaDetail = strict({
  ...OpsSaga.properties,
  input: Type.Unknown(),
  steps: Type.Array(
    strict({
      name: Type.String(),
      kind: oneOf(['local', 'command']),
      state: oneOf(['pending', 'running', 'done', 'refused', 'timed-out', 'undoing', 'undone', 'skipped']),
      afterPivot: Type.Boolean(),
      output: Type.Optional(Type.Unknown()),
    }),
  ),
  history: Type.Array(strict({ step: Type.String(), what: Type.String(), at: Instant })),
});
export type OpsSagaDetail = Static<typeof OpsSagaDetail>;

/** A message that a service could not handle: `dead` after its tries, `parked` because its version is not known there. */
export const OpsDeadLetter = strict({
  service: Type.String(),
  id: Type.String(),
  type: Type.String(),
  key: Type.String(),
  state: oneOf(['dead', 'parked']),
  attempts: count,
  error: Type.String(),
  correlationId: Type.String(),
  occurredAt: Instant,
  failedAt: Instant,
});
export type OpsDeadLetter = Static<typeof OpsDeadLetter>;

/** One invariant, looked at now. `checked` counts what was looked at: a check of nothing proves nothing. */
export const OpsInvariant = strict({
  service: Type.String(),
  name: Type.String({ description: 'I1 … I16' }),
  held: Type.Boolean(),
  checked: count,
  violations: Type.Array(strict({ witness: Type.String() })),
});
export type OpsInvariant = Static<typeof OpsInvariant>;

/** A trace in a list: one request from outside and all that followed from it. */
export const OpsTrace = strict({
  traceId: Type.String(),
  name: Type.String({ description: 'Of its first span: POST /api/v1/orders …' }),
  startedAt: Instant,
  durationMs: Type.Number(),
  spans: count,
  services: Type.Array(Type.String()),
  failed: Type.Boolean(),
});
export type OpsTrace = Static<typeof OpsTrace>;

/** One trace with its spans in the order they started. */
export const OpsTraceDetail = strict({
  traceId: Type.String(),
  spans: Type.Array(
    strict({
      traceId: Type.String(),
      spanId: Type.String(),
      parentSpanId: nullable(Type.String()),
      name: Type.String(),
      service: Type.String(),
      startedAt: Instant,
      durationMs: Type.Number(),
      error: nullable(Type.String({ description: 'The code of the error it ended with' })),
      attributes: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  partial,
});
export type OpsTraceDetail = Static<typeof OpsTraceDetail>;

/** Work that has been accepted and is not done. */
const backlog = { outbox: count, inbox: count, sagasLive: count, effects: count, dead: count };

const listOf = <T extends typeof OpsSaga | typeof OpsDeadLetter>(item: T) =>
  strict({ items: Type.Array(item), nextCursor: nullable(Type.String()), partial });
const sagaParams = { id: IdText };
const letterIds = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 1000 });
const operator = staff('operator');

const pages = {
  getLiveness: operation({
    method: 'GET',
    path: '/health/live',
    summary: 'Whether the process runs',
    access: anyone,
    answer: strict({ status: oneOf(['live']) }),
  }),
  getReadiness: operation({
    method: 'GET',
    path: '/health/ready',
    summary: 'Whether requests may be sent here; 503 while they may not',
    access: anyone,
    answer: strict({ status: oneOf(['ready', 'not-ready']), reasons: Type.Array(Type.String()) }),
    statuses: [200, 503],
  }),
  getReadinessShort: operation({
    method: 'GET',
    path: '/ready',
    summary: 'The same as /health/ready',
    access: anyone,
    answer: strict({ status: oneOf(['ready', 'not-ready']), reasons: Type.Array(Type.String()) }),
    statuses: [200, 503],
  }),
  getHealth: operation({
    method: 'GET',
    path: '/health',
    summary: 'State and latency of each service and dependency; 503 when one is down. Reasons: /api/v1/ops/services',
    access: anyone,
    answer: Health,
    statuses: [200, 503],
  }),
};

const opsOperations = {
  listServices: operation({
    method: 'GET',
    path: '/api/v1/ops/services',
    summary: 'Each service and dependency with its state, latency and reason',
    access: operator,
    answer: strict({ services: Type.Array(ServiceHealth) }),
  }),
  listSagas: operation({
    method: 'GET',
    path: '/api/v1/ops/sagas',
    summary: 'Sagas of all services, service after service, newest first',
    access: operator,
    query: {
      ...pageQuery,
      status: Type.Optional(sagaStatus),
      service: Type.Optional(serviceName),
    },
    answer: listOf(OpsSaga),
  }),
  getSaga: operation({
    method: 'GET',
    path: '/api/v1/ops/sagas/:id',
    summary: 'One saga with its steps',
    access: operator,
    params: sagaParams,
    answer: OpsSagaDetail,
    errors: ['saga.not-found'],
  }),
  retrySaga: operation({
    method: 'POST',
    path: '/api/v1/ops/sagas/:id/retry',
    summary: 'Tries the step that a stuck saga stands at again',
    access: operator,
    params: sagaParams,
    body: strict({ reason: Type.Optional(Line(500)) }),
    answer: OpsSaga,
    errors: ['saga.not-found', 'saga.not-stuck'],
  }),
  skipSaga: operation({
    method: 'POST',
    path: '/api/v1/ops/sagas/:id/skip',
    summary: 'Takes the step that a stuck saga stands at for done, with the reason why',
    access: operator,
    params: sagaParams,
    body: strict({ reason: Line(500) }),
    answer: OpsSaga,
    errors: ['saga.not-found', 'saga.not-stuck'],
  }),
  compensateSaga: operation({
    method: 'POST',
    path: '/api/v1/ops/sagas/:id/compensate',
    summary: 'Undoes a stuck saga',
    access: operator,
    params: sagaParams,
    body: strict({ reason: Type.Optional(Line(500)) }),
    answer: OpsSaga,
    errors: ['saga.not-found', 'saga.not-stuck'],
  }),
  listDeadLetters: operation({
    method: 'GET',
    path: '/api/v1/ops/dead-letters',
    summary: 'Messages that no try could handle, service after service, oldest first',
    access: operator,
    query: { ...pageQuery, service: Type.Optional(serviceName) },
    answer: listOf(OpsDeadLetter),
  }),
  redriveDeadLetters: operation({
    method: 'POST',
    path: '/api/v1/ops/dead-letters/redrive',
    summary: 'Puts dead letters back into their inboxes: those named, or all',
    access: operator,
    body: strict({
      ids: Type.Optional(letterIds),
      all: Type.Optional(Type.Literal(true)),
      service: Type.Optional(serviceName),
    }),
    answer: strict({ redriven: Type.Integer(), partial }),
  }),
  skipDeadLetters: operation({
    method: 'POST',
    path: '/api/v1/ops/dead-letters/skip',
    summary: 'Gives dead letters up, so that later messages of their keys go on',
    access: operator,
    body: strict({
      ids: letterIds,
      reason: Line(500),
      service: Type.Optional(serviceName),
    }),
    answer: strict({ skipped: Type.Integer(), partial }),
  }),
  listTraces: operation({
    method: 'GET',
    path: '/api/v1/ops/traces',
    summary: 'The newest traces that the processes of the shop keep, newest first; under load only some are recorded',
    access: operator,
    query: { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) },
    answer: strict({ items: Type.Array(OpsTrace), partial }),
  }),
  getTrace: operation({
    method: 'GET',
    path: '/api/v1/ops/traces/:id',
    summary: 'One trace with its spans: requests, messages and how long they waited, saga steps, effects outside',
    access: operator,
    params: { id: Type.String({ pattern: '^[0-9a-f]{32}$' }) },
    answer: OpsTraceDetail,
    errors: ['trace.not-found'],
  }),
  checkInvariants: operation({
    method: 'GET',
    path: '/api/v1/ops/invariants',
    summary: 'Looks now whether what the shop promises holds: stock, money, sagas, orders',
    access: operator,
    answer: strict({
      held: Type.Boolean(),
      checks: Type.Array(OpsInvariant),
      partial,
      checkedAt: Instant,
    }),
    timeoutMs: 60_000,
  }),
  getBacklog: operation({
    method: 'GET',
    path: '/api/v1/ops/backlog',
    summary: 'What has been accepted and is not done yet, by service and in all',
    access: operator,
    answer: strict({
      total: strict(backlog),
      services: Type.Array(strict({ service: Type.String(), ...backlog })),
      partial,
    }),
  }),
};

/** What a signed-in customer sees first: four services in one answer. A part whose service did not answer is null and named in `partial`. */
export const Dashboard = strict({
  user: nullable(User),
  recentOrders: nullable(Type.Array(Order)),
  notifications: nullable(Type.Array(Notification)),
  recentProducts: nullable(Type.Array(Product)),
  partial: Type.Array(oneOf(['user', 'recentOrders', 'notifications', 'recentProducts'])),
});
export type Dashboard = Static<typeof Dashboard>;

const getDashboard = operation({
  method: 'GET',
  path: '/api/v1/dashboard',
  summary: 'My account, latest orders and notifications, and the newest products, in one answer',
  access: caller,
  answer: Dashboard,
});

/** What the gateway answers itself: what is put together from several services, and how they are. */
export const gatewayContract = contract({
  service: 'gateway',
  operations: {
    ...pages,
    getDashboard,
    ...opsOperations,
  },
  events: {},
  commands: {},
  errors: {
    'saga.not-found': { status: 404, title: 'There is no such saga' },
    'saga.not-stuck': { status: 409, title: 'The saga is not stuck' },
    'trace.not-found': { status: 404, title: 'The trace is not kept' },
  },
});
