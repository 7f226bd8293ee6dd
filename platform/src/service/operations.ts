import { fault, refusal } from '../errors/index.ts';
import { decodeCursor, pageOf } from '../http/index.ts';
import { isId } from '../ids/index.ts';
import { type Inbox, listDeadLetters, redrive, skip } from '../inbox/index.ts';
import type { SagaDefinition, SagaEngine } from '../saga/index.ts';
import { IdText, type Operation, strict, Type } from '../schema/index.ts';
import type { Database } from '../sql/index.ts';
import type { Traces } from '../telemetry/index.ts';
import { arrivedFrom, handIn } from '../transport/index.ts';
import type { Handler, ServiceDefinition } from './definition.ts';
import type { ServiceReport } from './health.ts';
import { type OpsContract, opsContract, type SagaDetail, type SagaSummary } from './ops-contract.ts';

interface Parts {
  readonly db: Database;
  readonly sagas: SagaEngine;
  readonly inbox: Inbox;
  readonly health: () => Promise<ServiceReport>;
  readonly traces: Traces | undefined;
}

type OpsHandlers = { [Name in keyof OpsContract['operations']]: Handler<OpsContract['operations'][Name], never> };

/** Adds to a service what an operator may do with its sagas, messages and invariants; the same for every service. */
export function withOperations(definition: ServiceDefinition<never>, parts: Parts): ServiceDefinition<never> {
  const ops = opsContract(definition.name);
  return {
    ...definition,
    contract: {
      ...definition.contract,
      operations: { ...definition.contract.operations, ...ops.operations } as Readonly<Record<string, Operation>>,
      errors: { ...definition.contract.errors, ...ops.errors },
    },
    routes: { ...definition.routes, ...handlersOf(definition, parts) } as ServiceDefinition<never>['routes'] & object,
  };
}

function handlersOf(definition: ServiceDefinition<never>, { db, sagas, inbox, health, traces }: Parts): OpsHandlers {
  const intervene =
    (action: 'retry' | 'skip' | 'compensate'): OpsHandlers['retrySaga'] =>
    async ({ params, body }) => {
      const reason = [body.reason ?? 'no reason given', body.actor && `(${body.actor})`].filter(Boolean).join(' ');
      const result = await db.transaction((tx) => sagas.intervene(tx, params.id, action, reason));
      if (result === 'not-found') throw refusal('saga.not-found', `There is no saga ${params.id} here.`);
      if (result === 'not-stuck') throw refusal('saga.not-stuck', 'Only a stuck saga can be acted on.');
      if (result === 'past-pivot') {
        throw refusal('saga.not-stuck', 'The saga is past its point of no return: retry or skip the step instead.');
      }
      return { body: summaryOf(await readSaga(db, params.id)) };
    };
  return {
    async listSagas({ query }) {
      const limit = query.limit ?? 20;
      const before = query.cursor ? decodeCursor(strict({ id: IdText }), query.cursor).id : null;
      const rows = await db.query<SagaRecord>(
        `${sagaColumns} where ($1::text is null or status = $1) and ($2::uuid is null or id < $2) order by id desc limit $3`,
        [query.status ?? null, before, limit + 1],
      );
      const { items, nextCursor } = pageOf(rows, limit, ({ id }) => ({ id }));
      return { body: { items: items.map(summaryOf), nextCursor } };
    },
    async getSaga({ params }) {
      const row = await readSaga(db, params.id);
      return {
        body: detailOf(
          row,
          definition.sagas?.find((saga) => saga.name === row.definition),
        ),
      };
    },
    retrySaga: intervene('retry'),
    skipSaga: intervene('skip'),
    compensateSaga: intervene('compensate'),
    async listDeadLetters({ query }) {
      const limit = query.limit ?? 20;
      const afterSeq = query.cursor ? decodeCursor(strict({ seq: Type.Integer() }), query.cursor).seq : 0;
      const rows = await listDeadLetters(db, { limit: limit + 1, afterSeq });
      const { items, nextCursor } = pageOf(rows, limit, ({ seq }) => ({ seq }));
      return {
        body: {
          items: items.map((row) => {
            const body = row.body as { cause?: { correlationId?: string }; occurredAt?: string };
            return {
              id: row.id,
              type: row.type,
              key: row.key,
              state: row.status,
              attempts: row.attempts,
              error: row.reason ?? '',
              correlationId: body.cause?.correlationId ?? '',
              occurredAt: body.occurredAt ?? row.arrivedAt,
              failedAt: row.diedAt,
            };
          }),
          nextCursor,
        },
      };
    },
    async redriveDeadLetters({ body }, service) {
      const redriven = await redrive(db, body.all ? 'all' : (body.ids ?? []).filter(isId));
      if (redriven > 0) service.log.info({ redriven, actor: body.actor }, 'dead letters redriven');
      inbox.look();
      return { body: { redriven } };
    },
    async skipDeadLetters({ body }, service) {
      const gone = await skip(db, body.ids.filter(isId));
      for (const { id, type } of gone)
        service.log.warn({ messageId: id, type, reason: body.reason, actor: body.actor }, 'dead letter skipped');
      inbox.look();
      return { body: { skipped: gone.length } };
    },
    async listTraces({ query }) {
      const items = traces?.recent(query.limit ?? 20) ?? [];
      return {
        body: {
          keeper: traces?.keeper ?? '',
          items: items.map((trace) => ({ ...trace, services: [...trace.services] })),
        },
      };
    },
    async getTrace({ params }) {
      return { body: { spans: traces?.byId(params.id) ?? [] } };
    },
    async checkInvariants(_call, service) {
      return { body: { checks: (await definition.invariants?.(service)) ?? [] } };
    },
    async health() {
      const { dependencies, ...report } = await health();
      return { body: { ...report, dependencies: [...dependencies] } };
    },
    async takeMessages({ body }) {
      // What cannot be taken now is not the sender's mistake: it keeps the messages and delivers them again.
      await handIn(inbox, body.messages.map(arrivedFrom)).catch((cause: unknown) => {
        throw fault('service.unavailable', 'The inbox cannot take messages now.', { cause, retryAfterS: 1 });
      });
      return {};
    },
    async backlog() {
      const [counts] = await db.query<{
        outbox: number;
        inbox: number;
        sagasLive: number;
        effects: number;
        dead: number;
      }>(
        `select (select count(*) from kit.outbox) as outbox,
          (select count(*) from kit.inbox where status = 'waiting') as inbox,
          (select count(*) from kit.saga where status in ('running', 'compensating')) as "sagasLive",
          (select count(*) from kit.effect where status = 'waiting') as effects,
          (select count(*) from kit.inbox where status = 'dead') as dead`,
        [],
      );
      if (!counts) throw new Error('counts always have a row');
      return { body: counts };
    },
  };
}

interface SagaRecord {
  readonly id: string;
  readonly definition: string;
  readonly key: string;
  readonly status: SagaSummary['status'];
  readonly step: string;
  readonly attempt: number;
  readonly input: unknown;
  readonly outputs: Record<string, unknown>;
  readonly failure: { code: string; detail: string } | null;
  readonly stuck: { reason: string; from: 'running' | 'compensating' } | null;
  readonly history: [string, string, number][];
  readonly correlationId: string;
  readonly startedAt: string;
  readonly updatedAt: string;
}

const sagaColumns = `select id, definition, key, status, step, attempt, input, outputs, failure, stuck, history,
  cause->>'correlationId' as "correlationId", started_at as "startedAt", updated_at as "updatedAt" from kit.saga`;

async function readSaga(db: Database, id: string): Promise<SagaRecord> {
  const [row] = isId(id) ? await db.query<SagaRecord>(`${sagaColumns} where id = $1`, [id]) : [];
  if (!row) throw refusal('saga.not-found', `There is no saga ${id} here.`);
  return row;
}

function summaryOf(row: SagaRecord): SagaSummary {
  const ended = row.status === 'completed' || row.status === 'compensated';
  return {
    id: row.id,
    name: row.definition,
    key: row.key,
    status: row.status,
    step: ended ? null : row.step,
    attempts: row.attempt,
    failure: row.stuck ? { code: 'saga.stuck', detail: row.stuck.reason } : row.failure,
    correlationId: row.correlationId,
    startedAt: row.startedAt,
    updatedAt: row.updatedAt,
  };
}

function detailOf(row: SagaRecord, definition: SagaDefinition<never> | undefined): SagaDetail {
  const whatBecameOf = (step: string): SagaDetail['steps'][number]['state'] => {
    const notes = row.history.filter(([name]) => name === step).map(([, what]) => what);
    const last = notes.at(-1);
    if (last === undefined) return 'pending';
    if (last.startsWith('skip')) return 'skipped';
    if (last === 'done' || last === 'undone') return last;
    if (last.startsWith('refused ')) return 'refused';
    if (last === 'timed out') return 'timed-out';
    return last === 'undo sent' ? 'undoing' : 'running';
  };
  return {
    ...summaryOf(row),
    input: row.input,
    steps: (definition?.steps ?? []).map((step, index) => ({
      name: step.name,
      kind: step.kind,
      state: whatBecameOf(step.name),
      afterPivot: index >= (definition?.pivot ?? 0),
      ...(row.outputs[step.name] !== undefined && { output: row.outputs[step.name] }),
    })),
    history: row.history.map(([step, what, atMs]) => ({ step, what, at: new Date(atMs).toISOString() })),
  };
}
