import {
  contract,
  Instant,
  internal,
  Line,
  nullable,
  oneOf,
  operation,
  page,
  pageQuery,
  strict,
  Type,
} from '../schema/index.ts';

/*
 * What every service lets an operator do with its sagas, its messages and its invariants. The kit carries these operations out, so no
 * service writes them; the gateway asks all services and puts the answers together under `/api/v1/ops`.
 */

export const sagaStatuses = ['running', 'compensating', 'completed', 'compensated', 'stuck'] as const;

const failure = strict({ code: Type.String(), detail: Type.String() });

/** One saga in a list. `step` is the step it stands at; null when it has ended. */
export const SagaSummary = strict({
  id: Type.String(),
  name: Type.String({ description: 'The definition: check-out, refund …' }),
  key: Type.String({ description: 'What it is about: the id of the order …' }),
  status: oneOf(sagaStatuses),
  step: nullable(Type.String()),
  attempts: Type.Integer({ minimum: 0, description: 'Tries of the step it stands at' }),
  failure: nullable(failure),
  correlationId: Type.String(),
  startedAt: Instant,
  updatedAt: Instant,
});
export type SagaSummary = Type.Static<typeof SagaSummary>;

/** One saga with its way so far. `steps` are in the order of the definition. */
export const SagaDetail = strict({
  ...SagaSummary.properties,
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
export type SagaDetail = Type.Static<typeof SagaDetail>;

/** A message that this service could not handle: `dead` after its tries, `parked` because its version is not known here. */
export const DeadLetter = strict({
  id: Type.String(),
  type: Type.String(),
  key: Type.String(),
  state: oneOf(['dead', 'parked']),
  attempts: Type.Integer({ minimum: 0 }),
  error: Type.String(),
  correlationId: Type.String(),
  occurredAt: Instant,
  failedAt: Instant,
});
export type DeadLetter = Type.Static<typeof DeadLetter>;

const count = Type.Integer({ minimum: 0 });

const condition = {
  name: Type.String(),
  state: oneOf(['up', 'degraded', 'down']),
  latencyMs: Type.Number({ minimum: 0 }),
  reason: Type.Optional(Type.String()),
};

/** How a service is, as it says itself, and what only it depends on; an older one does not tell of that. Milliseconds. */
export const ServiceCondition = strict({
  ...condition,
  dependencies: Type.Optional(Type.Array(strict(condition))),
});

/** One invariant of docs/explanation, looked at now. `checked` counts what was looked at: a check of nothing proves nothing. */
export const InvariantCheck = strict({
  name: Type.String({ description: 'I1 … I16' }),
  held: Type.Boolean(),
  checked: Type.Integer({ minimum: 0 }),
  violations: Type.Array(strict({ witness: Type.String() })),
});
export type InvariantCheck = Type.Static<typeof InvariantCheck>;

/** A span of a trace, as the process that recorded it kept it. */
export const KeptSpan = strict({
  traceId: Type.String(),
  spanId: Type.String(),
  parentSpanId: nullable(Type.String()),
  name: Type.String(),
  service: Type.String(),
  startedAt: Instant,
  durationMs: Type.Number(),
  error: nullable(Type.String()),
  attributes: Type.Record(Type.String(), Type.Unknown()),
});

/** What one process kept of a trace. `begins`: the first of its spans has nothing above it, here or elsewhere. */
export const KeptTrace = strict({
  traceId: Type.String(),
  name: Type.String(),
  begins: Type.Boolean(),
  startedAt: Instant,
  durationMs: Type.Number(),
  spans: count,
  services: Type.Array(Type.String()),
  failed: Type.Boolean(),
});
export type KeptTrace = Type.Static<typeof KeptTrace>;

/** Work that has been accepted and is not done: all zero means that the service rests. `dead` rests too, until somebody redrives it. */
export const Backlog = strict({ outbox: count, inbox: count, sagasLive: count, effects: count, dead: count });
export type Backlog = Type.Static<typeof Backlog>;

export const Redrive = strict({
  ids: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 1000 })),
  all: Type.Optional(Type.Literal(true)),
});

/** Bytes of one delivery: the largest single message fits. */
export const takenBytesMax = 16 * 1_048_576;

const params = { id: Type.String({ minLength: 1, maxLength: 200 }) };
const reason = Line(500);
/** Who asked, for the record: `user <id>` or `key <id>`. */
const actor = Type.Optional(Line(200));

/**
 * The operations that the kit offers for one service, at paths of its own. Not reachable from outside.
 *
 * @example
 * const answer = await host.client(opsContract('order')).listSagas({ query: { status: 'stuck' } }, { cause, deadlineMs });
 */
export function opsContract(service: string) {
  const at = `/internal/${service}/ops`;
  const operations = {
    listSagas: operation({
      method: 'GET',
      path: `${at}/sagas`,
      summary: `The sagas of ${service}, newest first`,
      access: internal,
      query: { ...pageQuery, status: Type.Optional(oneOf(sagaStatuses)) },
      answer: page(SagaSummary),
    }),
    getSaga: operation({
      method: 'GET',
      path: `${at}/sagas/:id`,
      summary: 'One saga with its steps',
      access: internal,
      params,
      answer: SagaDetail,
      errors: ['saga.not-found'],
    }),
    retrySaga: operation({
      method: 'POST',
      path: `${at}/sagas/:id/retry`,
      summary: 'Tries the step that a stuck saga stands at again',
      access: internal,
      params,
      body: strict({ reason: Type.Optional(reason), actor }),
      answer: SagaSummary,
      errors: ['saga.not-found', 'saga.not-stuck'],
    }),
    skipSaga: operation({
      method: 'POST',
      path: `${at}/sagas/:id/skip`,
      summary: 'Takes the step that a stuck saga stands at for done',
      access: internal,
      params,
      body: strict({ reason: Type.Optional(reason), actor }),
      answer: SagaSummary,
      errors: ['saga.not-found', 'saga.not-stuck'],
    }),
    compensateSaga: operation({
      method: 'POST',
      path: `${at}/sagas/:id/compensate`,
      summary: 'Undoes a stuck saga',
      access: internal,
      params,
      body: strict({ reason: Type.Optional(reason), actor }),
      answer: SagaSummary,
      errors: ['saga.not-found', 'saga.not-stuck'],
    }),
    listDeadLetters: operation({
      method: 'GET',
      path: `${at}/dead-letters`,
      summary: `Messages that ${service} could not handle, oldest first`,
      access: internal,
      query: pageQuery,
      answer: page(DeadLetter),
    }),
    redriveDeadLetters: operation({
      method: 'POST',
      path: `${at}/dead-letters/redrive`,
      summary: 'Puts dead letters back into the inbox: those named, or all; ids of other services are passed over',
      access: internal,
      body: strict({ ...Redrive.properties, actor }),
      answer: strict({ redriven: count }),
    }),
    skipDeadLetters: operation({
      method: 'POST',
      path: `${at}/dead-letters/skip`,
      summary: 'Gives dead letters up, so that later messages of their keys go on',
      access: internal,
      body: strict({
        ids: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 1000 }),
        reason,
        actor,
      }),
      answer: strict({ skipped: count }),
    }),
    listTraces: operation({
      method: 'GET',
      path: `${at}/traces`,
      summary: 'The newest traces that one process of the service keeps, newest first, of all services that live in it',
      access: internal,
      query: { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) },
      answer: strict({ keeper: Type.String(), items: Type.Array(KeptTrace) }),
    }),
    getTrace: operation({
      method: 'GET',
      path: `${at}/traces/:id`,
      summary: 'The spans of a trace that one process of the service keeps; none when it keeps none',
      access: internal,
      params,
      answer: strict({ spans: Type.Array(KeptSpan) }),
    }),
    checkInvariants: operation({
      method: 'GET',
      path: `${at}/invariants`,
      summary: `Looks now whether what ${service} promises holds`,
      access: internal,
      answer: strict({ checks: Type.Array(InvariantCheck) }),
      timeoutMs: 60_000,
    }),
    health: operation({
      method: 'GET',
      path: `${at}/health`,
      summary: 'How the service is, and why',
      access: internal,
      answer: ServiceCondition,
      timeoutMs: 2_000,
    }),
    takeMessages: operation({
      method: 'POST',
      path: `/internal/${service}/messages`,
      summary: `Takes messages into the inbox of ${service}: durable there when it answers`,
      access: internal,
      // Which of them is a message is for the inbox to say, one by one: a refusal would hold up all behind it. An older sender gives objects only, a newer
      // one the text of a message where the object was refused.
      body: strict({ messages: Type.Array(Type.Unknown(), { maxItems: 1_000 }) }),
      bodyBytesMax: takenBytesMax,
      timeoutMs: 30_000,
      // The inbox knows what it has: a replica that stands still does not keep another from taking them.
      repeatable: true,
      policy: { attemptTimeoutMs: 10_000 },
    }),
    backlog: operation({
      method: 'GET',
      path: `${at}/backlog`,
      summary: 'Counts of what has been accepted and is not done',
      access: internal,
      answer: Backlog,
    }),
  };
  return contract({
    service,
    operations,
    events: {},
    commands: {},
    errors: opsErrors,
  });
}

/** The contract that `opsContract` makes, whatever the service. */
export type OpsContract = ReturnType<typeof opsContract>;

export const opsErrors = {
  'saga.not-found': { status: 404, title: 'There is no such saga' },
  'saga.not-stuck': { status: 409, title: 'The saga is not stuck' },
} as const;
