import { createHash } from 'node:crypto';
import { findAppError, refusal } from '../errors/index.ts';
import { problemOf } from '../http/index.ts';
import { crashPoint } from '../lifecycle/index.ts';
import type { Operation, Principal } from '../schema/index.ts';
import type { Answer, Call, Service } from '../service/index.ts';
import type { Tx } from '../sql/index.ts';
import { Holds } from './holds.ts';
import { isErased, isKeyTaken, readRecord, type StoredRecord, storeAnswer, takeKey, takeOver } from './record.ts';

/** What the work of a request came to. */
export interface Made<B> {
  /** Id of what was made; given back to `settle` and `secrets`. */
  readonly resource: string;
  /** The answer, when it is known with the commit; `settle` gives it otherwise. */
  readonly answer?: Answer<B>;
}

/** How the answer comes to be once the work is done, by this process or by another. */
interface AnswerSteps<B> {
  /** Works the answer out after the commit: after waiting, or when the process that did the work died before it answered. */
  readonly settle?: (resource: string) => Promise<Answer<B>>;
  /** Fields that are added to every answer and never stored; worked out from the resource, so that they are the same each time. */
  readonly secrets?: (resource: string) => Readonly<Record<string, string>> | undefined;
}

export interface OnceSteps<B, P = void> extends AnswerSteps<B> {
  /**
   * Works out beforehand, with no transaction open, what the work needs: what other services are asked. Runs once; a refusal is kept as the answer
   * to the key like one of the work.
   */
  readonly prepare?: () => Promise<P>;
  /** Does the work, with what was prepared, in the transaction that also takes the key. May run again after a serialization failure. */
  readonly work: (tx: Tx, prepared: P) => Made<B> | Promise<Made<B>>;
  /** What an error of the work or of its commit means to the caller: a violated constraint, say. The refusal is kept as the answer to the key. */
  readonly refusalOf?: (error: unknown) => Error | undefined | Promise<Error | undefined>;
  /** Shares its commit with other requests: `work` only defers writes (see `Database.grouped`). */
  readonly grouped?: boolean;
  /** Names the caller when the principal does not: a guest's e-mail. Only its hash is kept. */
  readonly guest?: string | undefined;
}

/** Keys that requests of this process are working on, by database. */
const running = new WeakMap<object, Holds>();

/**
 * Carries out a request that has an effect so that its Idempotency-Key makes it happen once. The key is taken in the effect's own transaction, so there is no
 * effect without a key and no key without an effect; whoever fixes the answer first decides, everybody gets what is stored. Without a key it just happens.
 * After the design of Stripe's API and draft-ietf-httpapi-idempotency-key-header.
 */
export async function once<B, O extends Operation, P = void>(
  call: Call<O>,
  service: Service<never>,
  steps: OnceSteps<B, P>,
): Promise<Answer<B>> {
  if (call.idempotencyKey === undefined) {
    const needed = await prepared(steps);
    const made = await run(service, steps, (tx) => steps.work(tx, needed));
    return withSecrets(
      made.answer ?? (await settled(steps, made.resource)),
      steps.secrets?.(made.resource),
    ) as Answer<B>;
  }
  const scope = scopeOf(call, steps.guest);
  const mine = holdsOf(service);
  if (mine.has(scope)) {
    const stored = await readRecord(service.db, scope);
    if (stored && stored.fingerprint !== call.fingerprint) throw reused();
    if (stored?.status == null) throw inProgress();
    return replay(stored, steps);
  }
  mine.add(scope);
  try {
    return await first(call, service, steps, scope);
  } finally {
    mine.delete(scope);
  }
}

function holdsOf({ db }: Service<never>): Holds {
  const holds = running.get(db) ?? new Holds(db);
  running.set(db, holds);
  return holds;
}

async function first<B, O extends Operation, P>(
  call: Call<O>,
  service: Service<never>,
  steps: OnceSteps<B, P>,
  scope: string,
): Promise<Answer<B>> {
  const fingerprint = call.fingerprint as string;
  let made: Made<B> | undefined;
  let text: string | null = null;
  let needed: P;
  try {
    needed = await prepared(steps);
  } catch (error) {
    // An answer that is known already needs nobody who cannot be asked now.
    const isRepeat = isFault(error) && (await readRecord(service.db, scope).catch(() => undefined)) !== undefined;
    return isRepeat ? again(call, service, steps, scope) : refused(call, service, steps, { scope, fingerprint }, error);
  }
  try {
    made = await run(service, steps, async (tx) => {
      const result = await steps.work(tx, needed);
      text = result.answer ? textOf(result.answer.body) : null;
      takeKey(tx, {
        scope,
        fingerprint,
        resource: result.resource,
        status: result.answer ? statusOf(result.answer, call.operation) : null,
        headers: result.answer ? keptHeaders(result.answer) : null,
        body: text,
      });
      crashPoint('idempotency.before-commit');
      return result;
    });
  } catch (error) {
    if (isKeyTaken(error)) return again(call, service, steps, scope);
    return refused(call, service, steps, { scope, fingerprint }, error);
  }
  crashPoint('idempotency.before-answer');
  if (made.answer) return withSecrets(made.answer, steps.secrets?.(made.resource)) as Answer<B>;
  return fix(call, service, steps, scope, made.resource);
}

/** The key has been used before: the stored answer, or the answer worked out in place of a process that died. */
async function again<B, O extends Operation>(
  call: Call<O>,
  service: Service<never>,
  steps: AnswerSteps<B>,
  scope: string,
): Promise<Answer<B>> {
  const stored = await readRecord(service.db, scope);
  if (!stored) throw inProgress();
  if (stored.fingerprint !== call.fingerprint) throw reused();
  if (stored.status !== null) return replay(stored, steps);
  if (stored.held || stored.resource === null || !(await takeOver(service.db, scope))) throw inProgress();
  return fix(call, service, steps, scope, stored.resource);
}

/** Works the answer out and stores it; if another was quicker, its answer is everybody's. */
async function fix<B, O extends Operation>(
  call: Call<O>,
  service: Service<never>,
  steps: AnswerSteps<B>,
  scope: string,
  resource: string,
): Promise<Answer<B>> {
  holdsOf(service).own(scope);
  const answer: Answer = await settled(steps, resource).catch((error) => refusalAnswer(call, service, error));
  const row = await service.db.grouped((tx) =>
    storeAnswer(tx, {
      scope,
      status: statusOf(answer, call.operation),
      headers: keptHeaders(answer),
      body: answer.rawBody ?? textOf(answer.body),
    }),
  );
  if (row.stored) return withSecrets(answer, steps.secrets?.(resource)) as Answer<B>;
  const stored = await readRecord(service.db, scope);
  // What was erased meanwhile is told to whoever has waited for it, and to nobody after.
  const isMine = stored?.status == null || isErased(stored);
  return isMine ? (withSecrets(answer, steps.secrets?.(resource)) as Answer<B>) : replay(stored, steps);
}

/** A refusal is an answer too: it is kept, unless another request with the key had its effect meanwhile. Faults are not. */
async function refused<B, O extends Operation>(
  call: Call<O>,
  service: Service<never>,
  steps: AnswerSteps<B>,
  key: { scope: string; fingerprint: string },
  error: unknown,
): Promise<Answer<B>> {
  const answer = refusalAnswer(call, service, error);
  const { status, rawBody: body } = answer;
  try {
    await service.db.grouped((tx) => takeKey(tx, { ...key, resource: null, status, headers: {}, body }));
  } catch (taken) {
    if (isKeyTaken(taken)) return again(call, service, steps, key.scope);
    throw taken;
  }
  return answer;
}

/** @throws the error, when it is no refusal */
function refusalAnswer<O extends Operation>(
  call: Call<O>,
  service: Service<never>,
  error: unknown,
): { readonly status: number; readonly rawBody: string } {
  if (isFault(error)) throw error;
  const problem = problemOf(error, service.contract.errors, call.cause.traceparent?.split('-')[1] ?? '');
  // Nor is what a caller has to be believed again for.
  if (problem.status >= 500 || problem.status === 401) throw error;
  return { status: problem.status, rawBody: JSON.stringify(problem) };
}

function isFault(error: unknown): boolean {
  return findAppError(error)?.kind !== 'refusal';
}

async function prepared<B, P>({ prepare }: OnceSteps<B, P>): Promise<P> {
  return prepare?.() as P;
}

async function run<B, P>(
  service: Service<never>,
  { grouped, refusalOf }: OnceSteps<B, P>,
  work: (tx: Tx) => Made<B> | Promise<Made<B>>,
): Promise<Made<B>> {
  try {
    return await (grouped ? service.db.grouped(work) : service.db.transaction(async (tx) => work(tx)));
  } catch (error) {
    throw (await refusalOf?.(error)) ?? error;
  }
}

function settled<B>(steps: AnswerSteps<B>, resource: string): Promise<Answer<B>> {
  if (!steps.settle) throw new Error('work without an answer needs settle');
  return steps.settle(resource);
}

function replay<B>(stored: StoredRecord, steps: AnswerSteps<B>): Answer<B> {
  const good = stored.resource !== null && (stored.status as number) < 400;
  const secrets = good ? steps.secrets?.(stored.resource as string) : undefined;
  return {
    status: stored.status as number,
    headers: { ...stored.headers, 'idempotency-replayed': 'true' },
    ...(stored.body !== null && { rawBody: addFields(stored.body, secrets) }),
  };
}

/** The answer with its secrets as the text that a replay will give, byte for byte. */
function withSecrets(answer: Answer, secrets: Readonly<Record<string, string>> | undefined): Answer {
  const { body, ...rest } = answer;
  const text = textOf(body);
  return text === null ? rest : { ...rest, rawBody: addFields(text, secrets) };
}

function addFields(text: string, fields: Readonly<Record<string, string>> | undefined): string {
  if (!fields || !text.startsWith('{"')) return text;
  return `${text.slice(0, -1)},${JSON.stringify(fields).slice(1)}`;
}

function textOf(body: unknown): string | null {
  return body === undefined ? null : JSON.stringify(body);
}

function statusOf(answer: Answer, operation: Operation): number {
  return answer.status ?? (operation.statuses[0] as number);
}

function keptHeaders(answer: Answer): Record<string, string> {
  return answer.version === undefined ? { ...answer.headers } : { ...answer.headers, etag: `"${answer.version}"` };
}

function scopeOf({ principal, operation, idempotencyKey, params }: Call, guest: string | undefined): string {
  const parts = [callerOf(principal, guest), operation.method, operation.path, params, idempotencyKey];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function callerOf(principal: Principal, guest: string | undefined): string {
  if (principal.kind === 'user') return `user ${principal.userId}`;
  if (principal.kind === 'key') return `key ${principal.keyId}`;
  return principal.kind === 'service' ? `service ${principal.name}` : `guest ${guest?.trim().toLowerCase() ?? ''}`;
}

function inProgress(): Error {
  return refusal('idempotency.in-progress', 'The first request with this Idempotency-Key is still running.', {
    retryAfterS: 1,
  });
}

function reused(): Error {
  return refusal(
    'idempotency.key-reused',
    'This Idempotency-Key belongs to a request with another body. Use a new key for a new request.',
  );
}
