import { setTimeout as sleep } from 'node:timers/promises';
import { crashPoint, isBusy, turn } from '../lifecycle/index.ts';
import type { Asker } from '../schema/index.ts';
import type { Service } from '../service/index.ts';
import { isAway, type Tx } from '../sql/index.ts';
import { idsOf, isSampled } from '../telemetry/index.ts';
import type { Effect, EffectDefinition } from './definition.ts';
import type { EffectRunnerOptions } from './runner.ts';

interface Taken {
  readonly effect: Effect<never>;
  readonly epoch: number;
  /** When it was taken, or held anew, by this process's monotonic clock. */
  takenAtMs: number;
}

interface Result {
  readonly taken: Taken;
  readonly result: never;
}

/** How often what has come due is looked for. */
export const lookEveryMs = 500;
const waitingMax = 5_000;
const retryDelayMsMax = 60_000;
/** How long a taker may keep an effect waiting before its try begins. It is given up for dead this long after its try should have ended. */
const waitMs = 2_000;
/** How long an effect in the background waits for a rush to end. */
const rushMsMax = 15_000;
/** How long results wait for a database that is away before they are committed again. */
const awayMs = 500;

const claim = `
with due as (
  select effect, id, due_at from kit.effect
  where effect = $1 and status = 'waiting' and due_at <= clock_timestamp() and id <> all($4::text[])
  order by due_at limit $2 for update skip locked
)
update kit.effect e set epoch = e.epoch + 1, attempts = e.attempts + 1, due_at = clock_timestamp() + $3 * interval '1 millisecond'
from due where e.effect = due.effect and e.id = due.id
returning e.id, e.payload, e.cause, e.epoch, e.attempts, (extract(epoch from clock_timestamp() - due.due_at) * 1000)::float8 as "lateMs"`;

// What is being committed is locked, so that nobody else takes it, and must not keep the others waiting.
const hold = `
with mine as (
  select k.effect, k.id from kit.effect k join unnest($2::text[], $3::int[]) as held(id, epoch) on k.id = held.id and k.epoch = held.epoch
  where k.effect = $1 for update of k skip locked
)
update kit.effect e set due_at = clock_timestamp() + $4 * interval '1 millisecond' from mine
where e.effect = mine.effect and e.id = mine.id
returning e.id`;

const end = `
delete from kit.effect e using unnest($2::text[], $3::int[]) as held(id, epoch)
where e.effect = $1 and e.id = held.id and e.epoch = held.epoch
returning e.id, e.epoch`;

/** The effects of one kind in this process. */
export class EffectQueue {
  readonly #definition: EffectDefinition<never, never, never>;
  readonly #options: EffectRunnerOptions;
  #waiting: Taken[] = [];
  readonly #performing = new Map<Taken, Promise<void>>();
  /** What is being performed, and what has been and waits for its result to be committed. */
  readonly #open = new Set<Taken>();
  #results: Result[] = [];
  #committing: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  /** Whether what was taken last had waited for a rush to end for as long as it should. */
  #isLate = false;
  #stopped = false;

  constructor(definition: EffectDefinition<never, never, never>, options: EffectRunnerOptions) {
    this.#definition = definition;
    this.#options = options;
  }

  get isBackground(): boolean {
    return this.#definition.background === true;
  }

  /** In the background a rush is waited out, but not for ever: a tenth goes on, and all of it once the first has waited for long enough. */
  get #concurrency(): number {
    const { background, concurrency } = this.#definition;
    return background && !this.#isLate && isBusy() ? Math.ceil(concurrency / 10) : concurrency;
  }

  get heldMs(): number {
    return this.#definition.timeoutMs + waitMs;
  }

  offer(taken: Taken): void {
    // What does not fit comes due by itself.
    if (this.#waiting.length < waitingMax) this.#waiting.push(taken);
    this.#fill();
  }

  /** Takes what has come due: after a failure, a delay, or a process that died. */
  look(): Promise<void> {
    const room = this.#concurrency - this.#performing.size - this.#waiting.length;
    if (this.#stopped || room <= 0) return Promise.resolve();
    this.#looking ??= this.#claim(room).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Keeps what takes longer than it should, or waits to be committed, from coming due meanwhile: it would be done twice. */
  hold(): void {
    const nowMs = performance.now();
    const long = [...this.#open].filter(({ takenAtMs }) => nowMs - takenAtMs > this.heldMs / 2);
    if (long.length === 0) return;
    const ids = long.map(({ effect }) => effect.id);
    const epochs = long.map(({ epoch }) => epoch);
    this.#options.db.query<{ id: string }>(hold, [this.#definition.name, ids, epochs, this.heldMs]).then(
      (rows) => {
        const held = new Set(rows.map(({ id }) => id));
        for (const taken of long) if (held.has(taken.effect.id)) taken.takenAtMs = nowMs;
      },
      (error: unknown) =>
        this.#options.log.warn(
          { effect: this.#definition.name, err: error },
          'effects that take long could not be held',
        ),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting = [];
    await this.#looking;
    await Promise.all(this.#performing.values());
    await this.#committing;
  }

  async #claim(room: number): Promise<void> {
    let takenAtMs = 0;
    try {
      const rows = await this.#options.db.transaction((tx) => {
        // Once there is a connection, and before the question: the answer may be read long after it was given, by a process that stood still, when somebody
        // else has taken them.
        takenAtMs = performance.now();
        const open = [...this.#open].map(({ effect }) => effect.id);
        return tx.query<{
          id: string;
          payload: never;
          cause: never;
          epoch: number;
          attempts: number;
          lateMs: number;
        }>(claim, [this.#definition.name, room, this.heldMs, open]);
      });
      this.#isLate = rows.some(({ lateMs }) => lateMs > rushMsMax);
      for (const { epoch, attempts, lateMs: _, ...effect } of rows) {
        this.#waiting.push({ effect: { ...effect, attempt: attempts }, epoch, takenAtMs });
      }
      this.#fill();
    } catch (error) {
      this.#options.log.warn({ effect: this.#definition.name, err: error }, 'effects that are due could not be taken');
    }
  }

  #fill(): void {
    while (!this.#stopped && this.#performing.size < this.#definition.concurrency) {
      const taken = this.#waiting.shift();
      if (!taken) return;
      // Waited too long: its try would outlive the time it was taken for, and it has come due or soon will.
      if (performance.now() - taken.takenAtMs > waitMs) continue;
      const performing: Promise<void> = this.#perform(taken).finally(() => {
        this.#performing.delete(taken);
        this.#fill();
      });
      this.#open.add(taken);
      this.#performing.set(taken, performing);
    }
  }

  async #perform(taken: Taken): Promise<void> {
    const service = this.#options.service();
    crashPoint(`effect.${this.#definition.name}.before`);
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.#definition.timeoutMs);
    try {
      const effect = { ...taken.effect, deadlineMs: Date.now() + this.#definition.timeoutMs };
      const result = await this.#performTraced(effect, service, abort.signal);
      crashPoint(`effect.${this.#definition.name}.after`);
      this.#results.push({ taken, result });
      this.#commitSoon();
    } catch (error) {
      await this.#failed(taken, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #commitSoon(): void {
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
      if (this.#results.length > 0) this.#commitSoon();
    });
  }

  #performTraced(effect: Effect<never> & Asker, service: Service<never>, signal: AbortSignal): Promise<never> {
    const definition = this.#definition;
    const { traces } = this.#options;
    if (traces === undefined || !isSampled(effect.cause.traceparent))
      return definition.perform(effect, service.deps, signal);
    const attributes = { service: service.name, effectId: effect.id, attempt: effect.attempt };
    return traces.span(`effect ${definition.name}`, effect.cause, attributes, (cause) =>
      definition.perform({ ...effect, cause }, service.deps, signal),
    );
  }

  /** Commits what has come back, everything that waits in one transaction. What is known is not asked for again because the database was away. */
  async #commit(): Promise<void> {
    while (this.#results.length > 0) {
      await turn();
      const results = this.#results.splice(0, 200);
      try {
        await this.#commitTogether(results);
      } catch (error) {
        await this.#notCommitted(results, error);
      }
    }
  }

  async #notCommitted(results: Result[], error: unknown): Promise<void> {
    const [one] = results;
    if (await isAway(this.#options.db, error)) return this.#putBack(results, error);
    if (results.length === 1) return this.#failed((one as Result).taken, error);
    for (const [at, alone] of results.entries()) {
      try {
        await this.#commitTogether([alone]);
      } catch (own) {
        if (await isAway(this.#options.db, own)) return this.#putBack(results.slice(at), own);
        await this.#failed(alone.taken, own);
      }
    }
  }

  async #putBack(results: Result[], error: unknown): Promise<void> {
    this.#options.log.warn(
      { effect: this.#definition.name, results: results.length, err: error },
      'results of effects wait for the database',
    );
    // Whoever stops leaves them to the next process, which has to ask again.
    if (this.#stopped) return;
    this.#results.unshift(...results);
    await sleep(awayMs);
  }

  async #commitTogether(results: Result[]): Promise<void> {
    await this.#options.db.transaction(async (tx) => {
      const ended = await this.#end(
        tx,
        results.map(({ taken }) => taken),
      );
      const counted = results.filter(({ taken }) => ended.has(nameOf(taken.effect.id, taken.epoch)));
      if (counted.length === 0) return;
      await this.#definition.complete(
        counted.map(({ taken, result }) => ({ effect: taken.effect, result })),
        tx,
        this.#options.service(),
      );
    });
    for (const { taken } of results) this.#open.delete(taken);
  }

  async #end(tx: Tx, taken: readonly Taken[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string; epoch: number }>(end, [
      this.#definition.name,
      taken.map(({ effect }) => effect.id),
      taken.map(({ epoch }) => epoch),
    ]);
    return new Set(rows.map(({ id, epoch }) => nameOf(id, epoch)));
  }

  /** No answer, or a result that could not be committed: later again, and after the last try the definition says what follows. */
  async #failed(taken: Taken, error: unknown): Promise<void> {
    const { effect, epoch } = taken;
    const reason = error instanceof Error ? error.message : String(error);
    const last = effect.attempt >= this.#definition.attemptsMax;
    const bindings = {
      effect: this.#definition.name,
      effectId: effect.id,
      attempt: effect.attempt,
      ...idsOf(effect.cause),
    };
    this.#options.log[last ? 'error' : 'warn'](
      { ...bindings, err: error },
      last ? 'effect given up' : 'effect will be tried again',
    );
    try {
      if (last) {
        await this.#options.db.transaction(async (tx) => {
          const ended = await this.#end(tx, [taken]);
          if (ended.size > 0) await this.#definition.giveUp(effect, reason, tx, this.#options.service());
        });
        return;
      }
      const delayMs =
        Math.min(retryDelayMsMax, this.#definition.retryDelayMs * 2 ** (effect.attempt - 1)) *
        (0.5 + Math.random() / 2);
      await this.#options.db.query(
        `update kit.effect set due_at = clock_timestamp() + $4 * interval '1 millisecond', reason = $5
        where effect = $1 and id = $2 and epoch = $3`,
        [this.#definition.name, effect.id, epoch, delayMs, reason.slice(0, 500)],
      );
      if (delayMs < lookEveryMs) setTimeout(() => void this.look(), delayMs + 5).unref();
    } catch (away) {
      this.#options.log.warn(
        { ...bindings, err: away },
        'the failure could not be recorded; the effect comes due by itself',
      );
    } finally {
      this.#open.delete(taken);
    }
  }
}

function nameOf(id: string, epoch: number): string {
  return `${epoch} ${id}`;
}
